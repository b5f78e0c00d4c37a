#pragma once
// Sizes and rules of tables and events: the `tables:`, `events:` and `switches:` sections of the
// configuration, already checked.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hopscope::pipeline {

/// What a full flow table does with a new key. Both are counted.
enum class FullPolicy : std::uint8_t {
  kEvictOldest,  ///< the candidate that was idle longest is evicted
  kRefuse,       ///< the new key gets no record
};

/// Capacities are for the whole collector and divided among the workers; all memory is allocated at
/// start.
struct TableOptions {
  std::uint32_t flows_ipv4 = 262'144;
  std::uint32_t flows_ipv6 = 65'536;
  std::uint32_t ports = 16'384;  ///< (switch, egress port) rows; each holds 8 queues inline
  std::uint32_t queue_overflow = 16'384;  ///< rows for queues that do not fit their port's row
  std::uint32_t switches = 4'096;
  std::uint32_t sequences = 4'096;     ///< (source, switch, hw_id) keys
  std::uint32_t formats = 16'384;      ///< keys of custom headers
  std::uint32_t links = 4'096;         ///< between neighbouring hops with synchronised clocks
  std::uint32_t drop_reasons = 4'096;  ///< (switch, reason) keys
  std::uint32_t idle_timeout_s = 60;   ///< flows without a report for this time are removed
  FullPolicy when_full = FullPolicy::kEvictOldest;
};

/// A value has moved when it left its interval by more than `hysteresis`. Intervals have either
/// explicit edges, e.g. {10, 100} for (-inf,10) [10,100) [100,inf), or a fixed width.
struct IntervalOptions {
  bool enabled = true;
  double width = 0;           ///< used where `edges` is empty; > 0
  std::vector<double> edges;  ///< strictly ascending, at most 15
  double hysteresis = 0.1;    ///< part of the interval's width, 0 to 1
};

/// Latencies in seconds, the others in the switch's own unit.
struct EventOptions {
  bool new_key = true;
  bool path_change = true;
  bool drop = true;
  bool report_loss = true;
  std::uint32_t refresh_s = 0;  ///< a refresh event for a key without events this long; 0: none
  IntervalOptions flow_latency{.width = 1e-3, .edges = {}};
  IntervalOptions hop_latency{.width = 250e-6, .edges = {}};
  IntervalOptions tx_utilization{.width = 10, .edges = {}};
  IntervalOptions queue_occupancy{.width = 64, .edges = {}};
  IntervalOptions queue_congestion{.width = 64, .edges = {}};
};

enum class OccupancyUnit : std::uint8_t { kBytes, kCells, kPackets };

/// Name and units of a switch. Raw values become seconds, bytes and ratios on export with these.
struct SwitchProfile {
  std::string name;              ///< empty: the id in decimal
  double latency_unit_s = 1e-9;  ///< seconds per unit of hop latency
  double time_unit_s = 1e-9;     ///< seconds per unit of the timestamps
  OccupancyUnit occupancy_unit = OccupancyUnit::kBytes;
  std::uint32_t cell_bytes = 80;    ///< for OccupancyUnit::kCells
  double tx_utilization_scale = 1;  ///< exported value = raw * this
  std::string clock;  ///< switches with the same name here have synchronised clocks; empty: none
  std::string drop_reasons = "p4lang-switch";  ///< which table names the reasons
};

/// Names of drop reasons by code.
using DropReasons = std::map<std::uint32_t, std::string>;

struct SwitchOptions {
  std::map<std::string, DropReasons> drop_reason_tables;  ///< in addition to the built-in ones
  SwitchProfile defaults;
  std::map<std::uint32_t, SwitchProfile> by_id;

  [[nodiscard]] const SwitchProfile& of(std::uint32_t id) const {
    const auto found = by_id.find(id);
    return found == by_id.end() ? defaults : found->second;
  }
};

/// Sizes of the lock-free queues between threads, in entries.
struct QueueOptions {
  std::uint32_t worker_entries = 16'384;  ///< from each worker to each other worker
  std::uint32_t event_entries = 65'536;   ///< from each worker to the exporter
};

}  // namespace hopscope::pipeline
