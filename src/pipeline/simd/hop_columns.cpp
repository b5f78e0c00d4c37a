#include "pipeline/simd/hop_columns.h"

#include <algorithm>

#include "base/assert.h"
#include "pipeline/report/latency_histogram.h"
#include "pipeline/report/wire.h"
#include "pipeline/simd/hop_columns_readers.h"

namespace hopscope::pipeline {
namespace {

constexpr std::uint32_t kNone = 0xFFFF'FFFF;

/// Calls take(lane, word) for one word of each hop. False: a word is all ones, or take() was false.
template <typename Take>
bool read_words(const StackView& view, std::uint16_t at, const Take& take) noexcept {
  HOPSCOPE_ASSERT(at + 4 <= view.plan->hop_bytes);
  const std::uint8_t* word = view.stack + at;
  bool good = true;
  for (unsigned i = 0; i < view.plan->hops; ++i, word += view.plan->hop_bytes) {
    const std::uint32_t value = be32(word);
    good = good && value != kNone && take(i, value);
  }
  return good;
}

/// A 16-bit port that a flow record cannot distinguish from "no port".
constexpr std::uint32_t kPortLikeNone = 0xFFFF;

std::uint64_t scale(std::uint64_t raw, std::uint64_t factor) noexcept {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(raw) * factor) >> 16);
}

}  // namespace

bool is_clock(const LatencyRule& rule, const StackView& view) noexcept {
  const ColumnPlan& plan = *view.plan;
  HOPSCOPE_ASSERT(plan.check_egress_time && plan.has_latency);
  HOPSCOPE_ASSERT(plan.egress_time_at + 8 <= plan.hop_bytes);
  const std::uint64_t time = be64(view.stack + plan.egress_time_at);
  const std::uint32_t latency = be32(view.stack + plan.latency_at);
  return time != ~0ULL && scale(latency, rule.to_ns) >= scale(time, rule.time_to_ns);
}

bool read_scalar(const LatencyRule& rule, const StackView& view, HopColumns& columns) noexcept {
  check_view(view);
  const ColumnPlan& plan = *view.plan;
  const PathView& path = view.path;
  const auto is_switch = [&](unsigned i, std::uint32_t id) { return id == path.switch_id[i]; };
  const auto is_port = [&](unsigned i, std::uint32_t word) {
    const std::uint32_t port = word & plan.port_mask;
    return static_cast<std::uint16_t>(port) == path.egress_port[i] && port != kPortLikeNone;
  };
  const auto take_latency = [&](unsigned i, std::uint32_t latency) {
    columns.latency[i] = latency;
    columns.latency_ns[i] = scale(latency, rule.to_ns);
    columns.latency_bucket[i] = latency_bucket(columns.latency_ns[i]);
    columns.sum_ns += columns.latency_ns[i];
    const bool stays = path.interval[i] != kNoInterval &&
                       !(rule.rule.enabled() && rule.rule.left(latency, path.interval[i]));
    if (!stays) columns.moved |= 1U << i;
    return true;
  };
  columns.sum_ns = 0;
  columns.moved = 0;
  if (!read_words(view, plan.switch_at, is_switch)) return false;
  if (plan.has_port) {
    if (!read_words(view, plan.port_at, is_port)) return false;
  } else if (!std::all_of(path.egress_port, path.egress_port + plan.hops,
                          [](std::uint16_t port) { return port == kPortLikeNone; })) {
    return false;
  }
  if (plan.has_latency && !read_words(view, plan.latency_at, take_latency)) return false;
  columns.queue.fill(kNone);
  columns.tx_utilization.fill(kNone);
  const auto to = [](auto& column) {
    return [&column](unsigned i, std::uint32_t word) {
      column[i] = word;
      return true;
    };
  };
  if (plan.has_queue && !read_words(view, plan.queue_at, to(columns.queue))) return false;
  if (plan.has_tx && !read_words(view, plan.tx_at, to(columns.tx_utilization))) return false;
  return !(plan.check_egress_time && is_clock(rule, view));
}

bool make_column_plan(const IntStack& stack, ColumnPlan& plan) noexcept {
  const HopPlan hop = make_hop_plan(stack.bitmap, stack.layout);
  const auto has = [&hop](Field field) { return (hop.present & bit(field)) != 0; };
  const auto offset = [&hop](Field field) { return hop.offset[static_cast<std::size_t>(field)]; };
  HOPSCOPE_ASSERT(hop.bytes <= stack.hop_bytes);
  plan = ColumnPlan{};
  plan.hops = static_cast<std::uint8_t>(stack.hop_count);
  plan.hop_bytes = stack.hop_bytes;
  const bool from_times =
      !has(Field::kHopLatency) && has(Field::kIngressTime) && has(Field::kEgressTime);
  if (stack.hop_count > kMaxHops || !has(Field::kNodeId) || hop.plain_queue || from_times) {
    return false;
  }
  plan.switch_at = offset(Field::kNodeId);
  plan.has_port = has(Field::kL1Ports) || has(Field::kL2Ports);
  if (has(Field::kL1Ports)) {
    plan.port_at = offset(Field::kL1Ports);
    plan.port_mask = 0xFFFF;
  } else if (has(Field::kL2Ports)) {
    plan.port_at = static_cast<std::uint16_t>(offset(Field::kL2Ports) + (hop.narrow_l2 ? 0 : 4));
    plan.port_mask = hop.narrow_l2 ? 0xFFFF : kNone;
    // Absent only if both its words are all ones, which one column cannot show.
    if (!hop.narrow_l2) return false;
  }
  plan.has_latency = has(Field::kHopLatency);
  plan.latency_at = offset(Field::kHopLatency);
  plan.has_queue = has(Field::kQueue);
  plan.queue_at = offset(Field::kQueue);
  plan.has_tx = has(Field::kTxUtilization);
  plan.tx_at = offset(Field::kTxUtilization);
  plan.has_congestion = has(Field::kQueueCongestion);
  plan.check_egress_time = plan.has_latency && hop.wide_times && has(Field::kEgressTime);
  plan.egress_time_at = offset(Field::kEgressTime);

  const std::size_t bytes = std::size_t{stack.hop_count} * stack.hop_bytes;
  plan.fits_registers = bytes <= 256;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t here = bytes > 64 * i ? std::min<std::size_t>(64, bytes - 64 * i) : 0;
    plan.load[i] = here == 64 ? ~0ULL : (1ULL << here) - 1;
  }
  for (unsigned i = 0; i < kMaxHops; ++i) {
    plan.live[i] = i < plan.hops ? kNone : 0;
    plan.hop_at[i] =
        static_cast<std::uint16_t>(std::min<unsigned>(i, plan.hops - 1U) * plan.hop_bytes);
  }
  // The words of instruction bits 0 to 3 are the first of a hop.
  plan.fits_window = plan.hop_bytes >= 16 && (!plan.has_port || plan.port_mask == 0xFFFF) &&
                     (!plan.has_port || has(Field::kL1Ports));
  const auto take_word = [&plan](std::size_t lane, bool present, std::uint16_t at) {
    HOPSCOPE_ASSERT(!plan.fits_window || !present || at + 4 <= 16);
    plan.window_absent[lane] = present ? 0 : kNone;
    for (std::size_t i = 0; i < 4; ++i) {
      // Big endian; 0x80 gives a zero byte.
      plan.window[4 * lane + i] = static_cast<std::uint8_t>(present ? at + 3 - i : 0x80);
    }
  };
  take_word(0, true, plan.switch_at);
  take_word(1, plan.has_port, plan.port_at);
  plan.bad_port = plan.has_port ? 0xFFFF : kNone;
  take_word(2, plan.has_latency, plan.latency_at);
  take_word(3, plan.has_queue, plan.queue_at);
  const auto place = [&plan](std::size_t pair, unsigned half, bool present, std::uint16_t at) {
    if (!present) return;
    ColumnPlan::Pair& to = plan.pairs[pair];
    for (unsigned i = 0; i < plan.hops; ++i) {
      const unsigned lane = half * kMaxHops + i;
      const auto word = static_cast<std::uint32_t>((i * plan.hop_bytes + at) / 4);
      HOPSCOPE_ASSERT(at % 4 == 0 && (!plan.fits_registers || word < 64));
      to.word[lane] = word % 32;
      to.live = static_cast<std::uint16_t>(to.live | 1U << lane);
      if (word >= 32) to.upper = static_cast<std::uint16_t>(to.upper | 1U << lane);
    }
  };
  place(0, 0, true, plan.switch_at);
  place(0, 1, plan.has_latency, plan.latency_at);
  place(1, 0, plan.has_port, plan.port_at);
  place(1, 1, plan.has_queue, plan.queue_at);
  place(2, 0, plan.has_tx, plan.tx_at);
  return true;
}

LatencyRule::LatencyRule(const IntervalRule& intervals, std::uint64_t latency_to_ns,
                         std::uint64_t timestamp_to_ns) noexcept
    : rule(intervals), to_ns(latency_to_ns), time_to_ns(timestamp_to_ns), lanes(intervals) {
  has_lanes = lanes.fits && to_ns <= kNone;
  factor.fill(to_ns);
}

}  // namespace hopscope::pipeline
