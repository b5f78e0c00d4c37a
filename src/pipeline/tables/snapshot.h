#pragma once
// What the exporter sees of the tables: consistent copies of single rows, taken while the workers
// go on. Values are raw, as the switch sent them, unless a name says otherwise.

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/enum_count.h"
#include "pipeline/events/event.h"
#include "pipeline/report/decode_error.h"
#include "pipeline/report/deviation.h"
#include "pipeline/report/key.h"
#include "pipeline/report/latency_histogram.h"
#include "pipeline/tables/counter_list.h"

namespace hopscope::pipeline {

struct HopSnapshot {
  std::uint32_t switch_id = 0;
  std::uint32_t egress_port = kNoPort;
  bool has_latency = false;
  std::uint32_t latency = 0;
};

/// Where a flow's record is. Good while the flow is known; another flow may come there later.
using FlowRef = std::uint64_t;

struct FlowSnapshot {
  FlowKey key;
  FlowRef place = 0;
  std::uint64_t reports = 0;
  std::uint64_t drops = 0;  ///< drop reports of this flow
  std::uint32_t path_changes = 0;
  std::int64_t last_seen_ns = 0;  ///< receive time of the newest report
  bool has_latency = false;
  std::uint64_t latency_ns = 0;  ///< of the newest report
  bool timed = false;            ///< ... by clocks that agree; else the sum of the hop latencies
  /// The hops come from separate reports of the switches (INT-XD or -MX), not from one stack: their
  /// order is that of first sight and no path is known.
  bool postcards = false;
  bool longer = false;  ///< more hops than fit; those nearest to the sink are here
  std::uint8_t hop_count = 0;
  std::array<HopSnapshot, kMaxHops> hops{};  ///< [0] is the source's side
};

struct QueueSnapshot {
  std::uint32_t queue = 0;
  bool has_occupancy = false;
  bool has_congestion = false;
  std::uint32_t occupancy = 0;
  std::uint32_t congestion = 0;
};

struct PortSnapshot {
  PortKey key;
  std::int64_t last_seen_ns = 0;
  bool has_tx_utilization = false;
  std::uint32_t tx_utilization = 0;
  std::vector<QueueSnapshot> queues;  ///< ascending by id
};

struct SwitchSnapshot {
  std::uint32_t switch_id = 0;
  std::array<std::uint64_t, kLatencyBuckets> latency_buckets{};  ///< not cumulative
  std::uint64_t latency_sum_ns = 0;
};

/// The reason of a drop whose report gives none.
inline constexpr std::uint32_t kNoReason = 0xFFFF'FFFF;

struct DropSnapshot {
  std::uint32_t switch_id = 0;
  std::uint32_t reason = 0;
  std::uint64_t packets = 0;
};

/// Sequence numbers of one (source address, switch, hw_id).
struct SequenceSnapshot {
  IpAddress source;
  std::uint32_t switch_id = 0;
  std::uint32_t hw_id = 0;
  std::uint64_t received = 0;
  std::uint64_t missing = 0;  ///< numbers that never came
  std::uint64_t late = 0;     ///< came after a higher one
  std::uint64_t duplicates = 0;
  std::uint64_t restarts = 0;
  std::uint8_t versions = 0;     ///< bit per report version seen
  DeviationMask deviations = 0;  ///< all that were seen
  bool constant = false;         ///< the sender does not count; nothing is derived from it
};

/// From one switch's egress to the next one's ingress, where their clocks agree.
struct LinkSnapshot {
  PortKey from;  ///< egress port
  PortKey to;    ///< ingress port
  std::uint64_t latency_ns = 0;
  std::int64_t last_seen_ns = 0;
};

/// A key of a custom header.
struct FormatSnapshot {
  std::uint8_t format = 0;             ///< index among the formats
  std::array<std::uint64_t, 8> key{};  ///< high and low of each field
  std::uint64_t reports = 0;
  std::uint64_t drops = 0;
  std::uint8_t present = 0;  ///< bit per measurement
  std::array<std::uint64_t, 8> value{};
};

enum class ReportKind : std::uint8_t { kFlow, kQueue, kDrop, kOther, kCount };

[[nodiscard]] constexpr std::string_view label(ReportKind kind) noexcept {
  constexpr std::string_view kLabels[] = {"flow", "queue", "drop", "other"};
  return kLabels[static_cast<std::size_t>(kind)];
}

/// Versions as users name them, indexed by Report::version.
inline constexpr std::array<std::string_view, 4> kVersionLabels{"0.5", "1.0", "2.0", "in-band"};

enum class Table : std::uint8_t {
  kFlowIpv4,
  kFlowIpv6,
  kPort,
  kQueueOverflow,
  kSwitch,
  kSequence,
  kFormat,
  kLink,
  kDropReason,
  kCount
};

[[nodiscard]] constexpr std::string_view label(Table table) noexcept {
  constexpr std::string_view kLabels[] = {"flow_ipv4",      "flow_ipv6", "port",
                                          "queue_overflow", "switch",    "sequence",
                                          "format",         "link",      "drop_reason"};
  return kLabels[static_cast<std::size_t>(table)];
}

/// One worker's counters, or the sum of all. Identity, always:
///   frames = decoded + sum of dropped (by the error that refused the frame) + handoff_dropped
struct CounterSnapshot {
#define HOPSCOPE_FIELD(name) std::uint64_t name = 0;
  HOPSCOPE_WORKER_COUNTERS(HOPSCOPE_FIELD)
#undef HOPSCOPE_FIELD
  std::array<std::uint64_t, kDecodeErrorCount> dropped{};  ///< frames refused, by error
  std::array<std::uint64_t, kDecodeErrorCount> errors{};   ///< all errors, partial ones included
  /// [version][kind]
  std::array<std::array<std::uint64_t, kCountOf<ReportKind>>, kVersionLabels.size()> reports_by{};
  std::array<std::uint64_t, kCountOf<EventKind>> events{};  ///< given to the exporter
  std::uint64_t events_dropped = 0;                         ///< the exporter's queue was full
  std::array<std::uint64_t, kCountOf<Table>> capacity{};    ///< maximum number of rows
  std::array<std::uint64_t, kCountOf<Table>> entries{};
  std::array<std::uint64_t, kCountOf<Table>> refused{};
  std::array<std::uint64_t, kCountOf<Table>> evicted{};
  std::array<std::uint64_t, kCountOf<Table>> expired{};
};

/// All tables of all workers. Any thread; never stops a worker.
class TableView {
 public:
  TableView() = default;
  TableView(const TableView&) = delete;
  TableView& operator=(const TableView&) = delete;
  virtual ~TableView() = default;

  virtual void for_each_flow(const std::function<void(const FlowSnapshot&)>& visit) const = 0;
  /// Copies the flow that is at `place` now. False: none is.
  [[nodiscard]] virtual bool read_flow(FlowRef place, FlowSnapshot& flow) const = 0;
  virtual void for_each_port(const std::function<void(const PortSnapshot&)>& visit) const = 0;
  virtual void for_each_switch(const std::function<void(const SwitchSnapshot&)>& visit) const = 0;
  virtual void for_each_drop(const std::function<void(const DropSnapshot&)>& visit) const = 0;
  virtual void for_each_sequence(
      const std::function<void(const SequenceSnapshot&)>& visit) const = 0;
  virtual void for_each_link(const std::function<void(const LinkSnapshot&)>& visit) const = 0;
  virtual void for_each_format(const std::function<void(const FormatSnapshot&)>& visit) const = 0;

  [[nodiscard]] virtual std::size_t worker_count() const = 0;
  [[nodiscard]] virtual CounterSnapshot counters(std::size_t worker) const = 0;
  [[nodiscard]] CounterSnapshot total() const;
};

/// Adds `b` to `a`, counter by counter.
void add(CounterSnapshot& a, const CounterSnapshot& b) noexcept;

}  // namespace hopscope::pipeline
