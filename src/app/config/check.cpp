#include "app/config/check.h"

#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "app/config/check_formats.h"
#include "app/config/check_http.h"
#include "app/config/check_sinks.h"
#include "app/config/values.h"
#include "base/assert.h"
#include "export/names/names.h"
#include "pipeline/events/intervals.h"

namespace hopscope::app {
namespace {

constexpr std::size_t kMaxWorkers = 64;

class Checker {
 public:
  explicit Checker(LoadedConfig& loaded) : config_(loaded.config), loaded_(loaded) {}

  void combinations() {
    decode();
    check_formats(config_, reporter());
    events();
    switch_names();
    rings();
    workers();
    check_sinks(config_, reporter());
    check_http(config_.exports.http, reporter());
  }

  void machine() {
    cpus();
    check_http_files(config_.exports.http, reporter());
    check_sink_files(config_, reporter());
    if (config_.receive.source == io::SourceKind::kAfXdp) interface();
  }

 private:
  [[nodiscard]] CheckReporter reporter() {
    return [this](bool good, const std::string& key, std::string text) {
      check(good, key, std::move(text));
    };
  }

  void check(bool good, const std::string& key, std::string text) {
    if (good) return;
    HOPSCOPE_ASSERT(!key.empty() && !text.empty());
    loaded_.mistakes.push_back({.place = place_of(key), .key = key, .text = std::move(text)});
  }

  /// The place of the key, or of the innermost section around it that the file has.
  [[nodiscard]] Place place_of(std::string key) const {
    while (true) {
      const auto found = loaded_.places.find(key);
      if (found != loaded_.places.end()) return found->second;
      const std::size_t cut = key.find_last_of(".[");
      if (cut == std::string::npos) return {};
      key.resize(cut);
    }
  }

  void decode() {
    const auto& ports = config_.decode.report_udp_port;
    check(!ports.empty() && ports.size() <= io::kMaxReportPorts, "decode.report_udp_port",
          fmt::format("has {} ports; needs 1 to {}", ports.size(), io::kMaxReportPorts));
    check(std::set(ports.begin(), ports.end()).size() == ports.size(), "decode.report_udp_port",
          "names a port twice");
    using Prefix = std::pair<std::array<std::uint8_t, 17>, unsigned>;
    std::set<Prefix> prefixes;
    std::set<std::uint32_t> nodes;
    const auto& decode = config_.decode;
    const unsigned dscp = decode.int_dscp.value_or(0);
    check(dscp == 0 || (dscp & decode.int_dscp_mask) != 0, "decode.int_dscp",
          fmt::format("is {:#x}, which decode.int_dscp_mask {:#x} masks to 0", dscp,
                      decode.int_dscp_mask));
    check(decode.int_dscp_mask != 0 || !decode.int_dscp, "decode.int_dscp_mask",
          "is 0, so every packet would count as INT");
    check(decode.data_packets != pipeline::DataPackets::kOn ||
              config_.receive.source == io::SourceKind::kAfXdp,
          "decode.data_packets", "needs receive.source: af_xdp; UDP sockets see no other packets");
    check(!decode.int_udp_port ||
              std::find(ports.begin(), ports.end(), *decode.int_udp_port) == ports.end(),
          "decode.int_udp_port", "is one of decode.report_udp_port");
    for (std::size_t i = 0; i < config_.decode.sources.size(); ++i) {
      const auto& source = config_.decode.sources[i];
      const std::string key = fmt::format("decode.sources[{}]", i);
      const bool has_prefix = source.prefix.version != 0;
      // A prefix that is not valid has been reported.
      const bool is_reported = loaded_.places.contains(key + ".prefix") && !has_prefix;
      check(has_prefix || source.node_id || is_reported, key, "needs prefix or node_id");
      check(!has_prefix || !source.node_id, key, "has both prefix and node_id; set only one");
      if (source.node_id) {
        check(nodes.insert(*source.node_id).second, key + ".node_id", "is in this list twice");
      }
      if (!has_prefix) continue;
      Prefix prefix{{}, source.prefix_length};
      std::copy(source.prefix.bytes.begin(), source.prefix.bytes.end(), prefix.first.begin());
      prefix.first[16] = source.prefix.version;
      check(has_no_host_bits(source), key + ".prefix",
            "has bits after its length, which would be ignored");
      check(prefixes.insert(prefix).second, fmt::format("decode.sources[{}].prefix", i),
            "is in this list twice");
    }
  }

  static bool has_no_host_bits(const pipeline::SourceDialect& source) {
    for (unsigned bit = source.prefix_length; bit < 128; ++bit) {
      if ((source.prefix.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
    }
    return true;
  }

  void interval(const std::string& name, const pipeline::IntervalOptions& interval) {
    const std::string path = "events." + name;
    const auto& edges = interval.edges;
    const bool is_time = name.ends_with("latency");
    check(edges.empty() || edges.front() > 0, path + ".edges", "must be above 0");
    check(is_time || std::all_of(edges.begin(), edges.end(),
                                 [](double edge) { return edge == std::floor(edge); }),
          path + ".edges", "must be whole numbers, as the values are");
    check(edges.size() <= pipeline::kMaxEdges, path + ".edges",
          fmt::format("has {} edges; {} at most", edges.size(), pipeline::kMaxEdges));
    check(std::is_sorted(edges.begin(), edges.end(), std::less_equal<>()), path + ".edges",
          "must ascend, each edge above the one before");
  }

  void events() {
    interval("flow_latency", config_.events.flow_latency);
    interval("hop_latency", config_.events.hop_latency);
    interval("tx_utilization", config_.events.tx_utilization);
    interval("queue_occupancy", config_.events.queue_occupancy);
    interval("queue_congestion", config_.events.queue_congestion);
  }

  void drop_reasons(const pipeline::SwitchProfile& profile, const std::string& path) {
    const auto& own = config_.switches.drop_reason_tables;
    std::string all;
    bool is_known = own.contains(profile.drop_reasons);
    for (const std::string_view name : exporter::kDropReasonTables) {
      is_known = is_known || profile.drop_reasons == name;
      all += (all.empty() ? "" : ", ") + std::string(name);
    }
    for (const auto& entry : own) all += ", " + entry.first;
    check(is_known, path + ".drop_reasons",
          fmt::format("is \"{}\"; needs one of {}", profile.drop_reasons, all));
  }

  /// Names are labels: two switches with one name would give the same series twice.
  void switch_names() {
    std::map<std::string, std::uint32_t> names;
    std::map<std::string, double> clocks;
    const auto clock = [&](const pipeline::SwitchProfile& profile, const std::string& path) {
      if (profile.clock.empty()) return;
      const double unit = clocks.emplace(profile.clock, profile.time_unit_s).first->second;
      check(unit == profile.time_unit_s, path + ".clock",
            fmt::format("is {}, which other switches have with time_unit: {}; synchronised clocks "
                        "must have the same unit",
                        profile.clock, format_duration(unit)));
    };
    clock(config_.switches.defaults, "switches.defaults");
    for (const auto& [id, profile] : config_.switches.by_id) {
      drop_reasons(profile, fmt::format("switches.by_id.{}", id));
      clock(profile, fmt::format("switches.by_id.{}", id));
      const std::string name = profile.name.empty() ? std::to_string(id) : profile.name;
      const auto [other, is_new] = names.emplace(name, id);
      check(is_new, fmt::format("switches.by_id.{}.name", id),
            fmt::format("is {}, which is the name of switch {}", name, other->second));
      check(profile.name.empty() || name == std::to_string(id) || !parse_integer(name),
            fmt::format("switches.by_id.{}.name", id),
            fmt::format("is {}, which may be the id of another switch", name));
    }
    drop_reasons(config_.switches.defaults, "switches.defaults");
    for (const std::string_view name : exporter::kDropReasonTables) {
      const std::string key = fmt::format("switches.drop_reason_tables.{}", name);
      check(!config_.switches.drop_reason_tables.contains(std::string(name)), key,
            "is built in; choose another name");
    }
    check(config_.switches.defaults.name.empty(), "switches.defaults.name",
          "would give every switch the same name; set it under by_id");
  }

  template <typename Number>
  void power_of_two(const std::string& key, Number value) {
    if (std::has_single_bit(value)) return;
    check(false, key,
          fmt::format("is {}; needs a power of two: {} or {}", value, std::bit_floor(value),
                      std::bit_ceil(value)));
  }

  void rings() {
    const io::AfXdpOptions& xdp = config_.receive.af_xdp;
    power_of_two("receive.frames", xdp.frames);
    check(xdp.frame_bytes == 2048 || xdp.frame_bytes == 4096, "receive.frame_bytes",
          fmt::format("is {}; needs 2048 or 4096", xdp.frame_bytes));
    check(is_ip_address(config_.receive.udp.listen), "receive.udp.listen",
          fmt::format("is \"{}\"; needs an IP address, like 0.0.0.0 or ::",
                      config_.receive.udp.listen));
    power_of_two("receive.udp.buffers", config_.receive.udp.buffers);
    power_of_two("queues.worker_entries", config_.queues.worker_entries);
    power_of_two("queues.event_entries", config_.queues.event_entries);
    check(xdp.zero_copy != io::ZeroCopy::kRequire || xdp.mode != io::XdpMode::kGeneric,
          "receive.zero_copy", "is require, which receive.xdp_mode: generic does not support");
  }

  void workers() {
    const auto& workers = config_.workers;
    check(!workers.empty() && workers.size() <= kMaxWorkers, "workers",
          fmt::format("has {} entries; needs 1 to {}", workers.size(), kMaxWorkers));
    std::map<unsigned, std::size_t> queues;
    std::map<int, std::size_t> cpus;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const auto queue = queues.emplace(workers[i].queue, i);
      check(queue.second, fmt::format("workers[{}].queue", i),
            fmt::format("is {}, which workers[{}] serves already", workers[i].queue,
                        queue.first->second));
      if (workers[i].cpu < 0) continue;
      const auto cpu = cpus.emplace(workers[i].cpu, i);
      check(cpu.second, fmt::format("workers[{}].cpu", i),
            fmt::format("is {}, where workers[{}] runs already; a worker polls and needs its own "
                        "CPU",
                        workers[i].cpu, cpu.first->second));
    }
  }

  void cpus() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    const bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    const long present = sysconf(_SC_NPROCESSORS_CONF);
    for (std::size_t i = 0; i < config_.workers.size(); ++i) {
      const int cpu = config_.workers[i].cpu;
      if (cpu < 0) continue;
      const std::string key = fmt::format("workers[{}].cpu", i);
      if (cpu >= present) {
        check(false, key, fmt::format("is {}; this machine has CPUs 0 to {}", cpu, present - 1));
      } else {
        check(!known || CPU_ISSET(static_cast<std::size_t>(cpu), &allowed), key,
              fmt::format("is {}, which this process may not use (cpuset or affinity)", cpu));
      }
    }
  }

  void interface() {
    const std::string& name = config_.receive.af_xdp.interface;
    if (name.empty()) {
      check(false, "receive.interface", "is not set; name the network interface to receive on");
      return;
    }
    if (name.size() >= IF_NAMESIZE || if_nametoindex(name.c_str()) == 0) {
      check(false, "receive.interface",
            fmt::format("is {}; there is no such interface (ip link shows them)", name));
      return;
    }
    const std::filesystem::path queues = "/sys/class/net/" + name + "/queues";
    std::error_code error;
    if (!std::filesystem::exists(queues, error)) return;  // /sys of another network namespace
    for (std::size_t i = 0; i < config_.workers.size(); ++i) {
      const unsigned queue = config_.workers[i].queue;
      check(std::filesystem::exists(queues / fmt::format("rx-{}", queue), error),
            fmt::format("workers[{}].queue", i),
            fmt::format("is {}; {} has no such RX queue (ethtool -l {} shows how many)", queue,
                        name, name));
    }
  }

  const Config& config_;
  LoadedConfig& loaded_;
};

}  // namespace

void check_config(LoadedConfig& loaded, Use use) {
  Checker checker(loaded);
  checker.combinations();
  if (use == Use::kReceive) checker.machine();
}

}  // namespace hopscope::app
