#include "pipeline/tables/hop_list.h"

#include <algorithm>

#include "pipeline/tables/clocks.h"

namespace hopscope::pipeline {
namespace {

/// Egress minus ingress time in units of the latency, modulo the width of the clock.
std::uint32_t latency_from_times(const Metadata& metadata, bool wide, const Units& units) noexcept {
  const std::optional<std::uint64_t> ticks =
      passed_ticks(metadata.ingress_time, metadata.egress_time, wide);
  if (!ticks) return kNoLatency;
  const std::uint64_t latency = units.time_to_ns == units.latency_to_ns
                                    ? *ticks
                                    : units.time_ns(*ticks) * 65536 / units.latency_to_ns;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(latency, kNoLatency));
}

}  // namespace

const HopPlan& HopReader::plan(const IntStack& stack) noexcept {
  if (!has_plan_ || plan_.bitmap != stack.bitmap || plan_.layout != stack.layout) {
    plan_ = make_hop_plan(stack.bitmap, stack.layout);
    has_plan_ = true;
  }
  return plan_;
}

void HopReader::convert(const Metadata& metadata, bool wide_times, bool at_sink, Hop& hop,
                        HopTimes& times) const noexcept {
  hop = Hop{};
  if (metadata.has(Field::kNodeId)) hop.switch_id = metadata.node_id;
  if (metadata.has(Field::kL1Ports)) {
    hop.port = metadata.l1_egress_if;
  } else if (metadata.has(Field::kL2Ports)) {
    hop.port = metadata.l2_egress_if;
  }
  const bool has_ingress_time = metadata.has(Field::kIngressTime);
  const bool has_egress_time = metadata.has(Field::kEgressTime);
  hop.has_time = has_egress_time || has_ingress_time;
  hop.time = has_egress_time ? metadata.egress_time : metadata.ingress_time;

  const std::uint32_t units_index = units_.index_of(hop.switch_id);
  const Units& units = units_[units_index];
  if (units_.has_clocks()) {
    times = {.has_ingress = has_ingress_time && metadata.ingress_time != 0,  // 0 was never set
             .has_egress = has_egress_time && metadata.egress_time != 0,
             .wide = wide_times,
             .units = units_index,
             .ingress_port = metadata.has(Field::kL1Ports) ? metadata.l1_ingress_if : kNoPort,
             .ingress = metadata.ingress_time,
             .egress = metadata.egress_time};
  }
  if (metadata.has(Field::kHopLatency)) {
    // A sink that mirrors before its own deparser sees no time of ingress and then sends its clock
    // as latency. Only clocks that do not wrap within a packet's life can tell.
    const bool is_clock = at_sink && wide_times && has_egress_time &&
                          units.latency_ns(metadata.hop_latency) >= units.time_ns(hop.time);
    if (!is_clock) hop.latency = metadata.hop_latency;
  } else if (has_ingress_time && has_egress_time && metadata.ingress_time != 0 &&
             metadata.egress_time != 0) {
    hop.latency = latency_from_times(metadata, wide_times, units);
  }

  hop.has_tx = metadata.has(Field::kTxUtilization);
  hop.tx_utilization = metadata.tx_utilization;
  hop.has_occupancy = metadata.has(Field::kQueue);
  hop.queue = metadata.queue_id;
  hop.occupancy = metadata.queue_occupancy;
  hop.has_congestion = metadata.has(Field::kQueueCongestion);
  hop.congestion_queue = metadata.congestion_queue_id;
  hop.congestion = metadata.queue_congestion;
}

void HopReader::read(const Report& report, HopList& list) noexcept {
  list.count = 0;
  list.length = 0;
  list.postcard = false;
  list.timed = false;
  const IntStack& stack = report.stack;
  Metadata metadata;
  if (stack.hop_count > 0) {
    const HopPlan& hop_plan = plan(stack);
    const std::uint32_t count = std::min<std::uint32_t>(stack.hop_count, kMaxHops);
    for (std::uint32_t i = 0; i < count; ++i) {
      read_hop(hop_plan, stack, i, metadata);
      convert(metadata, hop_plan.wide_times, i == 0, list.hop[i], list.times[i]);
    }
    list.count = count;
    list.length = stack.hop_count;
  }
  const bool speaks_itself = report.has_node_id && report.metadata.present != 0;
  if (!speaks_itself) return;
  if (list.count > 0 && list.hop[0].switch_id == report.node_id) return;

  Metadata own = report.metadata;
  own.present = static_cast<FieldMask>(own.present | bit(Field::kNodeId));
  own.node_id = report.node_id;
  bool wide = report.version == 2;
  if (report.has_ingress_time && !own.has(Field::kIngressTime)) {
    own.present = static_cast<FieldMask>(own.present | bit(Field::kIngressTime));
    own.ingress_time = report.ingress_time;
    wide = false;
  }
  if (list.count > 0) {
    std::copy_backward(list.hop.begin(), list.hop.end() - 1, list.hop.end());
    if (units_.has_clocks()) {
      std::copy_backward(list.times.begin(), list.times.end() - 1, list.times.end());
    }
    list.count = std::min<std::uint32_t>(list.count + 1, kMaxHops);
  } else {
    list.count = 1;
    list.postcard = true;
  }
  ++list.length;
  convert(own, wide, false, list.hop[0], list.times[0]);
}

void HopReader::read_one(const IntStack& stack, std::uint32_t index, Hop& hop) noexcept {
  const HopPlan& hop_plan = plan(stack);
  Metadata metadata;
  HopTimes times;
  read_hop(hop_plan, stack, index, metadata);
  convert(metadata, hop_plan.wide_times, index == 0, hop, times);
}

void HopReader::read_further(const Report& report, const HopList& list, std::uint32_t index,
                             Hop& hop, HopTimes& times) noexcept {
  const IntStack& stack = report.stack;
  const std::uint32_t in_front = list.length - stack.hop_count;
  const HopPlan& hop_plan = plan(stack);
  Metadata metadata;
  read_hop(hop_plan, stack, index - in_front, metadata);
  convert(metadata, hop_plan.wide_times, false, hop, times);
}

}  // namespace hopscope::pipeline
