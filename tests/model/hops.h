#pragma once
// What a report says hop by hop, [0] nearest to the sink, all hops of it. Reads words with the
// checked decoder; which words count for what is written here anew, from report 2.0 section 3.3 and
// docs/formats.md.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/decode/hop_plan.h"
#include "pipeline/report/report.h"
#include "pipeline/tables/flow_record.h"

namespace hopscope::test::model {

struct QueueValue {
  std::uint32_t queue = 0;
  std::uint32_t value = 0;
};

struct Hop {
  std::uint32_t switch_id = pipeline::kNoSwitch;
  std::uint32_t port = pipeline::kNoPort;  ///< egress
  std::uint32_t ingress_port = pipeline::kNoPort;
  std::optional<std::uint32_t> latency;  ///< raw
  std::optional<std::uint32_t> tx;
  std::optional<QueueValue> occupancy;
  std::optional<QueueValue> congestion;
  std::optional<std::uint64_t> time;     ///< for events: egress, else ingress
  std::optional<std::uint64_t> ingress;  ///< times that the switch did set
  std::optional<std::uint64_t> egress;
  bool wide = false;  ///< times of 64 bits
};

struct Hops {
  std::vector<Hop> all;
  bool postcard = false;  ///< one node's own report, no stack
};

/// Scales of a switch: ns are raw * scale / 2^16.
struct Scale {
  std::uint64_t latency = 1 << 16;
  std::uint64_t time = 1 << 16;

  static std::uint64_t apply(std::uint64_t raw, std::uint64_t scale) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(raw) * scale >> 16);
  }
  [[nodiscard]] std::uint64_t latency_ns(std::uint64_t raw) const { return apply(raw, latency); }
  [[nodiscard]] std::uint64_t time_ns(std::uint64_t raw) const { return apply(raw, time); }
};

/// Ticks from one time to another one of the same clock; none where it is before. Clocks of 32 bits
/// wrap, and those of 48 bits in 64 where it looks like that.
inline std::optional<std::uint64_t> ticks_between(std::uint64_t from, std::uint64_t to, bool wide) {
  constexpr std::uint64_t k32 = std::uint64_t{1} << 32;
  constexpr std::uint64_t k48 = std::uint64_t{1} << 48;
  if (!wide) {
    const std::uint64_t ticks = (to - from) % k32;
    return ticks < k32 / 2 ? std::optional(ticks) : std::nullopt;
  }
  if (to >= from) {
    const std::uint64_t ticks = to - from;
    return ticks >> 63 == 0 ? std::optional(ticks) : std::nullopt;
  }
  if (from >= k48) return (to - from) >> 63 == 0 ? std::optional(to - from) : std::nullopt;
  const std::uint64_t ticks = to + k48 - from;
  return ticks < k48 / 2 ? std::optional(ticks) : std::nullopt;
}

/// `scale_of(switch_id)` gives the switch's Scale.
template <typename ScaleOf>
Hop hop_of(const pipeline::Metadata& metadata, bool wide, bool at_sink, const ScaleOf& scale_of) {
  using pipeline::Field;
  Hop hop;
  hop.wide = wide;
  if (metadata.has(Field::kNodeId)) hop.switch_id = metadata.node_id;
  if (metadata.has(Field::kL1Ports)) {
    hop.port = metadata.l1_egress_if;
    hop.ingress_port = metadata.l1_ingress_if;
  } else if (metadata.has(Field::kL2Ports)) {
    hop.port = metadata.l2_egress_if;
  }
  const bool has_ingress = metadata.has(Field::kIngressTime);
  const bool has_egress = metadata.has(Field::kEgressTime);
  if (has_egress) {
    hop.time = metadata.egress_time;
  } else if (has_ingress) {
    hop.time = metadata.ingress_time;
  }
  if (has_ingress && metadata.ingress_time != 0) hop.ingress = metadata.ingress_time;
  if (has_egress && metadata.egress_time != 0) hop.egress = metadata.egress_time;

  const Scale scale = scale_of(hop.switch_id);
  if (metadata.has(Field::kHopLatency)) {
    // A sink that sends its clock in the place of the latency.
    const bool is_clock =
        at_sink && wide && has_egress &&
        scale.latency_ns(metadata.hop_latency) >= scale.time_ns(metadata.egress_time);
    if (!is_clock) hop.latency = metadata.hop_latency;
  } else if (hop.ingress && hop.egress) {
    if (const auto ticks = ticks_between(*hop.ingress, *hop.egress, wide)) {
      const std::uint64_t raw =
          scale.time == scale.latency ? *ticks : scale.time_ns(*ticks) * 65536 / scale.latency;
      if (raw < 0xFFFF'FFFF) hop.latency = static_cast<std::uint32_t>(raw);
    }
  }
  if (metadata.has(Field::kTxUtilization)) hop.tx = metadata.tx_utilization;
  if (metadata.has(Field::kQueue)) {
    hop.occupancy = QueueValue{metadata.queue_id, metadata.queue_occupancy};
  }
  if (metadata.has(Field::kQueueCongestion)) {
    hop.congestion = QueueValue{metadata.congestion_queue_id, metadata.queue_congestion};
  }
  return hop;
}

template <typename ScaleOf>
Hops hops_of(const pipeline::Report& report, const ScaleOf& scale_of) {
  using pipeline::Field;
  Hops hops;
  const pipeline::IntStack& stack = report.stack;
  if (stack.hop_count > 0) {
    const pipeline::HopPlan plan = pipeline::make_hop_plan(stack.bitmap, stack.layout);
    for (unsigned i = 0; i < stack.hop_count; ++i) {
      pipeline::Metadata metadata;
      pipeline::read_hop(plan, stack, i, metadata);
      hops.all.push_back(hop_of(metadata, plan.wide_times, i == 0, scale_of));
    }
  }
  // The reporting node is a hop of its own where it says something and is not on top of the stack.
  if (!report.has_node_id || report.metadata.present == 0) return hops;
  if (!hops.all.empty() && hops.all.front().switch_id == report.node_id) return hops;
  pipeline::Metadata own = report.metadata;
  own.present = static_cast<pipeline::FieldMask>(own.present | bit(Field::kNodeId));
  own.node_id = report.node_id;
  bool wide = report.version == 2;
  if (report.has_ingress_time && !own.has(Field::kIngressTime)) {
    own.present = static_cast<pipeline::FieldMask>(own.present | bit(Field::kIngressTime));
    own.ingress_time = report.ingress_time;
    wide = false;
  }
  hops.postcard = hops.all.empty();
  hops.all.insert(hops.all.begin(), hop_of(own, wide, false, scale_of));
  return hops;
}

}  // namespace hopscope::test::model
