#pragma once
// An event: what changed, for which key, from which value to which, when. A fixed-size record that
// a worker passes to the exporter by value.

#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "base/assert.h"
#include "base/enum_count.h"
#include "pipeline/report/key.h"

namespace hopscope::pipeline {

/// Hops of a path that records and events hold inline.
inline constexpr unsigned kMaxHops = 8;

enum class EventKind : std::uint8_t {
  kNewKey,      ///< first report of a flow, port or queue
  kValueMoved,  ///< a value left its interval
  kPathChange,  ///< the flow takes another path
  kDrop,        ///< a switch reported a dropped packet
  kRefresh,     ///< no event for the refresh period: the value again
  kReportLoss,  ///< sequence numbers of a sender's reports are missing
  kCount
};

enum class Measurement : std::uint8_t {
  kNone,
  kFlow,             ///< kNewKey and kPathChange of a flow
  kFlowLatency,      ///< ns: the sum of the hop latencies
  kHopLatency,       ///< in the switch's unit
  kTxUtilization,    ///< of an egress port, in the switch's unit
  kQueueOccupancy,   ///< in the switch's unit
  kQueueCongestion,  ///< in the switch's unit
  kDropReason,       ///< new_value is the reason
  kMissingReports,   ///< total of a sender's missing reports
  kFormat,           ///< of a custom header
  kCount
};

[[nodiscard]] constexpr std::string_view label(EventKind kind) noexcept {
  constexpr std::string_view kLabels[] = {"new_key", "value_moved", "path_change",
                                          "drop",    "refresh",     "report_loss"};
  static_assert(std::size(kLabels) == kCountOf<EventKind>);
  HOPSCOPE_ASSERT(kind < EventKind::kCount);
  return kLabels[static_cast<std::size_t>(kind)];
}

[[nodiscard]] constexpr std::string_view label(Measurement measurement) noexcept {
  constexpr std::string_view kLabels[] = {"none",
                                          "flow",
                                          "flow_latency",
                                          "hop_latency",
                                          "tx_utilization",
                                          "queue_occupancy",
                                          "queue_congestion",
                                          "drop_reason",
                                          "missing_reports",
                                          "format"};
  static_assert(std::size(kLabels) == kCountOf<Measurement>);
  HOPSCOPE_ASSERT(measurement < Measurement::kCount);
  return kLabels[static_cast<std::size_t>(measurement)];
}

/// A path from source to sink, limited to kMaxHops hops.
struct Path {
  std::uint8_t count = 0;  ///< hops in `switch_id`
  bool longer = false;     ///< there were more hops; those nearest to the sink are kept
  std::array<std::uint32_t, kMaxHops> switch_id{};  ///< [0] is the source's side

  friend bool operator==(const Path&, const Path&) = default;
};

struct Event {
  EventKind kind = EventKind::kNewKey;
  Measurement measurement = Measurement::kNone;
  bool has_flow = false;
  bool has_switch = false;
  bool has_port = false;
  bool has_queue = false;
  bool has_old = false;
  bool has_switch_time = false;
  bool timed = false;       ///< kFlowLatency: from synchronised clocks, not the sum of the hops
  bool has_sender = false;  ///< flow.source is the address of the sender of the reports
  std::uint8_t hw_id = 0;   ///< of the sender
  FlowKey flow;
  std::uint32_t switch_id = 0;
  std::uint32_t port = 0;  ///< egress port
  std::uint32_t queue = 0;
  std::uint64_t old_value = 0;
  std::uint64_t new_value = 0;
  std::uint64_t switch_time = 0;     ///< raw, in the clock and unit of `time_switch_id`
  std::uint32_t time_switch_id = 0;  ///< the switch that set switch_time
  std::int64_t receive_time_ns = 0;  ///< ns since 1970
  bool has_format = false;
  bool has_format_value = false;
  std::uint8_t format = 0;                    ///< index of the custom header
  std::uint8_t format_value = 0;              ///< index among its measurements
  std::array<std::uint64_t, 8> format_key{};  ///< high and low of each field of the key
  Path old_path;                              ///< kPathChange
  Path new_path;                              ///< kPathChange, and kNewKey of a flow
};
static_assert(std::is_trivially_copyable_v<Event>);

}  // namespace hopscope::pipeline
