#include "app/generate/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "app/generate/topology.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::app {
namespace {

using pipeline::Field;
using pipeline::FieldMask;

constexpr std::array<std::pair<const char*, TrafficFormat>, 8> kFormats{{
    {"report05", TrafficFormat::kReport05},
    {"report05-local", TrafficFormat::kReport05Local},
    {"report05-drop", TrafficFormat::kReport05Drop},
    {"report10", TrafficFormat::kReport10},
    {"report10-xd", TrafficFormat::kReport10Xd},
    {"report20-md", TrafficFormat::kReport20Md},
    {"report20-xd", TrafficFormat::kReport20Xd},
    {"report20-mx", TrafficFormat::kReport20Mx},
}};

constexpr std::array<std::pair<const char*, Field>, 11> kFields{{
    {"node_id", Field::kNodeId},
    {"ports", Field::kL1Ports},
    {"latency", Field::kHopLatency},
    {"queue", Field::kQueue},
    {"ingress_time", Field::kIngressTime},
    {"egress_time", Field::kEgressTime},
    {"l2_ports", Field::kL2Ports},
    {"tx_utilization", Field::kTxUtilization},
    {"buffer", Field::kBuffer},
    {"queue_congestion", Field::kQueueCongestion},
    {"checksum_complement", Field::kChecksumComplement},
}};

template <typename Value, std::size_t kSize>
Value find(const std::array<std::pair<const char*, Value>, kSize>& table, const std::string& name,
           const char* what, const std::string& all) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const auto& entry) { return name == entry.first; });
  if (found == table.end()) {
    throw GenerateError(fmt::format("{} \"{}\" is not one of {}", what, name, all));
  }
  return found->second;
}

template <typename Value, std::size_t kSize>
std::string join(const std::array<std::pair<const char*, Value>, kSize>& table) {
  std::string names;
  for (const auto& entry : table) {
    if (!names.empty()) names += '|';
    names += entry.first;
  }
  return names;
}

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw GenerateError(otherwise);
}

void check_share(double share, const char* option, double limit = 1) {
  require(share >= 0 && share <= limit, fmt::format("{} must be from 0 to {}", option, limit));
}

/// Fields that every report of the format can carry.
FieldMask carried(TrafficFormat format) {
  FieldMask common = 0;
  for (const Field field : {Field::kNodeId, Field::kL1Ports, Field::kHopLatency, Field::kQueue,
                            Field::kIngressTime, Field::kEgressTime, Field::kTxUtilization}) {
    common = static_cast<FieldMask>(common | bit(field));
  }
  const FieldMask later = static_cast<FieldMask>(common | bit(Field::kL2Ports));
  switch (format) {
    case TrafficFormat::kReport05:
      return static_cast<FieldMask>(common | bit(Field::kQueueCongestion));
    case TrafficFormat::kReport10:
      return static_cast<FieldMask>(later | bit(Field::kChecksumComplement));
    case TrafficFormat::kReport20Md:
      return static_cast<FieldMask>(later | bit(Field::kChecksumComplement) | bit(Field::kBuffer));
    case TrafficFormat::kReport20Xd:
    case TrafficFormat::kReport20Mx:
      return static_cast<FieldMask>(later | bit(Field::kBuffer));
    case TrafficFormat::kReport05Local:  // fixed headers: fields are not asked for
    case TrafficFormat::kReport05Drop:
    case TrafficFormat::kReport10Xd:
      break;
  }
  return common;
}

void check_fields(const TrafficOptions& options) {
  const FieldMask allowed = carried(options.format);
  FieldMask fields = 0;
  for (const Field field : options.fields) fields = static_cast<FieldMask>(fields | bit(field));
  for (const auto& [name, field] : kFields) {
    require((fields & bit(field)) == 0 || (allowed & bit(field)) != 0,
            fmt::format("--fields: {} reports cannot carry {}", name_of(options.format), name));
  }
  if (!has_stack(options.format)) return;
  require((fields & bit(Field::kNodeId)) != 0,
          "--fields: hops cannot be distinguished without node_id");
  const auto layout = options.format == TrafficFormat::kReport05   ? pipeline::HopLayout::kInt05
                      : options.format == TrafficFormat::kReport10 ? pipeline::HopLayout::kInt10
                                                                   : pipeline::HopLayout::kInt2x;
  const unsigned words =
      pipeline::encode::hop_words(pipeline::encode::int_bitmap(fields, layout), layout);
  require(words * options.hops <= 240, "--hops times the words of --fields is more than 240");
}

}  // namespace

std::uint64_t spacing_ns(const TrafficOptions& options) noexcept {
  return options.rate == 0 ? 1000 : std::max<std::uint64_t>(1, 1'000'000'000 / options.rate);
}

TrafficFormat traffic_format_of(const std::string& name) {
  return find(kFormats, name, "--format", traffic_format_names());
}

std::string name_of(TrafficFormat format) {
  for (const auto& [name, value] : kFormats) {
    if (value == format) return name;
  }
  return {};
}

std::string traffic_format_names() {
  return join(kFormats);
}

pipeline::Field field_of(const std::string& name) {
  return find(kFields, name, "--fields", field_names());
}

std::string field_names() {
  return join(kFields);
}

bool has_stack(TrafficFormat format) noexcept {
  return format == TrafficFormat::kReport05 || format == TrafficFormat::kReport10 ||
         format == TrafficFormat::kReport20Md;
}

unsigned report_version(TrafficFormat format) noexcept {
  switch (format) {
    case TrafficFormat::kReport05:
    case TrafficFormat::kReport05Local:
    case TrafficFormat::kReport05Drop:
      return 0;
    case TrafficFormat::kReport10:
    case TrafficFormat::kReport10Xd:
      return 1;
    case TrafficFormat::kReport20Md:
    case TrafficFormat::kReport20Xd:
    case TrafficFormat::kReport20Mx:
      break;
  }
  return 2;
}

void check(const TrafficOptions& options) {
  require(options.hops >= 1 && options.hops <= 16, "--hops must be from 1 to 16");
  require(options.switches >= options.hops && options.switches <= 4096,
          "--switches must be from --hops to 4096");
  require(options.flows >= 1 && options.flows <= 1U << 24, "--flows must be from 1 to 16777216");
  require(!options.zipf || (options.zipf_exponent > 0 && options.zipf_exponent <= 10),
          "--zipf-exponent must be above 0 and at most 10");
  require(options.source_ports >= 1 && options.source_ports <= 16384,
          "--source-ports must be from 1 to 16384");
  require(options.payload_bytes <= 1024, "--payload must be at most 1024");
  require(options.dscp <= 63, "--dscp must be from 0 to 63");
  require(std::all_of(options.vlans.begin(), options.vlans.end(),
                      [](unsigned vlan) { return vlan >= 1 && vlan <= 4094; }),
          "--vlan must be from 1 to 4094");
  require(options.report_port >= 1, "--report-port must be from 1 to 65535");
  require(options.vlans.size() <= 2, "--vlan can be given twice at most");
  require(options.reports_per_datagram >= 1 && options.reports_per_datagram <= 8,
          "--reports-per-datagram must be from 1 to 8");
  require(options.reports_per_datagram == 1 || report_version(options.format) == 2,
          "--reports-per-datagram needs a report20 format");
  require(options.inner != InnerLayer::kIp || report_version(options.format) != 0,
          "--inner ip: 0.5 reports hold Ethernet frames");
  require(options.congestion_period_us >= 1, "--congestion-period must be 1 or more");
  check_share(options.ipv6, "--ipv6");
  check_share(options.tcp, "--tcp");
  check_share(options.path_changes, "--path-changes");
  check_share(options.loss, "--loss", 0.9);
  check_share(options.congestion, "--congestion");
  check_share(options.drops, "--drops");
  check_share(options.malformed, "--malformed");
  require(options.drops + options.malformed <= 1, "--drops and --malformed together exceed 1");
  check_fields(options);
  if (options.path_changes > 0) {
    require(has_stack(options.format), "--path-changes needs a format with a stack");
    require(Topology(options.switches, options.hops, options.seed).has_alternatives(),
            "--path-changes needs --hops 3 or more and more --switches than --hops");
  }
}

void check(const GenerateOptions& options) {
  check(options.traffic);
  require(options.output.empty() != options.interface.empty(),
          "give either --output FILE or --interface NAME");
  require(options.count > 0 || options.duration_s > 0, "give --count or --duration");
  require(options.duration_s >= 0 && options.duration_s <= 1e6,
          "--duration must be from 0 to 1000000 seconds");
  require(options.templates <= 1U << 20, "--templates must be at most 1048576");
}

}  // namespace hopscope::app
