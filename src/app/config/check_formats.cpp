#include "app/config/check_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <set>

#include "export/names/format_names.h"
#include "pipeline/events/intervals.h"

namespace hopscope::app {
namespace {

bool is_metric_name(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
         });
}

class FormatChecker {
 public:
  FormatChecker(const Config& config, const CheckReporter& check)
      : config_(config), check_(check) {}

  void formats() {
    const auto& formats = config_.decode.formats;
    check(formats.size() <= pipeline::kMaxFormats, "formats",
          fmt::format("has {} formats; {} at most", formats.size(), pipeline::kMaxFormats));
    std::set<std::string> metrics;
    std::map<unsigned, std::string> ports;
    std::map<unsigned, std::string> ethertypes;
    for (const std::uint16_t port : config_.decode.report_udp_port) {
      ports[port] = "decode.report_udp_port";
    }
    for (const pipeline::CustomHeaderConfig& format : formats) {
      const std::string path = "formats." + format.name;
      check(is_metric_name(format.name) && !format.name.starts_with("int_") &&
                !format.name.starts_with("hopscope_") && !format.name.starts_with("process"),
            path,
            "begins metric names: needs a-z, 0-9 and _, and must not start with int_, hopscope_ or "
            "process");
      check(format.udp_port.has_value() != format.ethertype.has_value(), path,
            "needs udp_port or ethertype, but not both");
      if (format.udp_port) {
        const auto [taken, is_new] = ports.emplace(*format.udp_port, path);
        check(is_new, path + ".udp_port", "is that of " + taken->second);
      }
      if (format.ethertype) {
        const auto [taken, is_new] = ethertypes.emplace(*format.ethertype, path);
        check(is_new, path + ".ethertype", "is that of " + taken->second);
        const bool is_known =
            std::set<unsigned>{0x0800, 0x86DD, 0x8100, 0x88A8, 0x9100, 0x8847}.contains(
                *format.ethertype);
        check(!is_known, path + ".ethertype", "is IP, VLAN or MPLS");
      }
      format_fields(format, path);
      format_metrics(format, path, metrics);
    }
    check(ports.size() <= io::kMaxReportPorts, "formats",
          fmt::format("make {} UDP ports together with decode.report_udp_port; {} at most",
                      ports.size(), io::kMaxReportPorts));
    check(ethertypes.size() <= io::kMaxEthertypes, "formats",
          fmt::format("have {} EtherTypes; {} at most", ethertypes.size(), io::kMaxEthertypes));
    check(ethertypes.empty() || config_.receive.source == io::SourceKind::kAfXdp, "formats",
          "with an ethertype need receive.source: af_xdp; UDP sockets see none");
  }

 private:
  /// Tags that events have in stores, and fields that rows have there.
  inline static const std::set<std::string> kTagsOfEvents{"count", "field", "format", "kind",
                                                          "new",   "old",   "time",   "what"};

  inline static const std::set<std::string> kFieldsOfRows{"drops", "reports", "time"};

  /// Metric names must be unique among all custom headers, label names within this one.
  void format_metrics(const pipeline::CustomHeaderConfig& format, const std::string& path,
                      std::set<std::string>& metrics) {
    const exporter::FormatNames names(format);
    const auto add = [&](const std::string& metric, const std::string& key) {
      check(metrics.insert(metric).second, key,
            fmt::format("makes a second metric {}; choose another name or unit", metric));
    };
    add(format.name + "_reports_total", path);
    add(format.name + "_drops_total", path);
    for (std::size_t i = 0; i < format.measurements.size(); ++i) {
      const std::string& field = format.measurements[i].field;
      add(names.metric(i), path + ".measurements." + field);
      check(!is_pushed() || !kFieldsOfRows.contains(field), path + ".measurements." + field,
            "is a field of all pushed rows; choose another name for the field");
    }
    std::set<std::string> labels;
    if (format.key.size() > pipeline::kMaxFormatKeys) return;
    const std::set<std::string> fields(format.key.begin(), format.key.end());
    if (fields.size() != format.key.size()) return;  // reported elsewhere
    for (const auto& label : names.labels({})) {
      check(labels.insert(label.first).second, path + ".key",
            fmt::format("makes a second label {}", label.first));
      check(!is_pushed() || !kTagsOfEvents.contains(label.first), path + ".key",
            fmt::format("makes a label {}, which is a tag of pushed events; choose another name "
                        "for the field",
                        label.first));
    }
  }

  [[nodiscard]] bool is_pushed() const {
    return !config_.exports.influxdb.empty() || !config_.exports.remote_write.empty();
  }

  /// The bits of every field, by the name that key, measurements and so on use for it.
  std::map<std::string, unsigned> names_of(const pipeline::CustomHeaderConfig& format,
                                           const std::string& path) {
    std::map<std::string, unsigned> bits;
    unsigned groups = 0;
    const auto add = [&](const std::string& name, const std::string& key, unsigned size) {
      const std::string own = name.substr(name.find('.') + 1);
      check(is_metric_name(own) && !own.starts_with("__"), key,
            "needs a-z, 0-9 and _ as its name, and must not start with __");
      check(bits.emplace(name, size).second, key, "is here twice");
    };
    for (const pipeline::CustomHeaderField& field : format.fields) {
      const std::string key = path + ".fields." + field.name;
      if (!field.condition.empty()) {
        const auto flag = bits.find(field.condition);
        check(flag != bits.end(), key, "if: names no earlier field");
        check(flag == bits.end() || !field.condition_bit || *field.condition_bit < flag->second,
              key, "if: names a bit that the field does not have");
      }
      check(field.name.find('.') == std::string::npos, key,
            "has a dot, which separates a group from its fields");
      if (field.bits != 0) {
        add(field.name, key, field.bits);
        continue;
      }
      check(field.condition.empty(), key, "if: is not possible on a group");
      check(++groups == 1, key, "is a second group; at most one may repeat");
      check(bits.contains(field.count), key, "repeat: names no earlier field");
      check(!field.repeated.empty(), key, "repeats no fields");
      for (const pipeline::CustomHeaderField& inner : field.repeated) {
        const std::string inner_key = key + ".fields." + inner.name;
        check(inner.condition.empty(), inner_key, "if: is not possible inside a group");
        add(field.name + "." + inner.name, inner_key, inner.bits);
      }
    }
    const bool is_fixed =
        groups == 0 && std::all_of(format.fields.begin(), format.fields.end(),
                                   [](const auto& field) { return field.condition.empty(); });
    check(format.start != pipeline::CustomHeaderStart::kEnd || is_fixed, path + ".starts",
          "is end, which needs a header of fixed length");
    return bits;
  }

  /// Checks the fields that key, measurements, drop and timestamp name.
  void format_fields(const pipeline::CustomHeaderConfig& format, const std::string& path) {
    const std::map<std::string, unsigned> bits = names_of(format, path);
    std::set<std::string> used;
    const auto known = [&](const std::string& field, const std::string& key, unsigned max) {
      const auto found = bits.find(field);
      check(found != bits.end(), key,
            fmt::format("names {}, which is not one of its fields", field));
      check(found == bits.end() || found->second <= max, key,
            fmt::format("has {} of {} bits; {} at most", field,
                        found == bits.end() ? 0 : found->second, max));
      used.insert(field);
    };
    check(!bits.empty(), path + ".fields", "has no fields");
    check(!format.key.empty() && format.key.size() <= pipeline::kMaxFormatKeys, path + ".key",
          fmt::format("has {} fields; needs 1 to {}", format.key.size(), pipeline::kMaxFormatKeys));
    for (const std::string& field : format.key) {
      check(!used.contains(field), path + ".key", "names a field twice");
      known(field, path + ".key", pipeline::kMaxFieldBits);
    }
    check(format.measurements.size() <= pipeline::kMaxFormatValues, path + ".measurements",
          fmt::format("has {} fields; {} at most", format.measurements.size(),
                      pipeline::kMaxFormatValues));
    for (const pipeline::CustomHeaderMeasurement& measurement : format.measurements) {
      const std::string key = path + ".measurements." + measurement.field;
      known(measurement.field, key, 64);
      check(measurement.unit.empty() || is_metric_name(measurement.unit), key + ".unit",
            "ends a metric name: needs a-z, 0-9 and _");
      const auto& edges = measurement.interval.edges;
      check(edges.size() <= pipeline::kMaxEdges &&
                std::is_sorted(edges.begin(), edges.end(), std::less_equal<>()),
            key + ".edges", fmt::format("must ascend, {} at most", pipeline::kMaxEdges));
      check(measurement.scale > 0 || !measurement.interval.enabled, key + ".scale",
            "must be above 0 where events are enabled");
    }
    if (!format.drop.empty()) known(format.drop, path + ".drop", pipeline::kMaxFieldBits);
    if (!format.timestamp.empty()) known(format.timestamp, path + ".timestamp", 64);
    for (const pipeline::CustomHeaderField& field : format.fields) {
      if (!field.condition.empty()) used.insert(field.condition);
      if (!field.count.empty()) used.insert(field.count);
    }
    constexpr std::size_t kMaxUsed = 32;
    check(used.size() <= kMaxUsed, path,
          fmt::format("uses {} fields; {} at most", used.size(), kMaxUsed));
  }

  void check(bool good, const std::string& key, std::string text) const {
    check_(good, key, std::move(text));
  }

  const Config& config_;
  const CheckReporter& check_;
};

}  // namespace

void check_formats(const Config& config, const CheckReporter& check) {
  FormatChecker(config, check).formats();
}

}  // namespace hopscope::app
