// The best instruction set whose readers give what the scalar one gives on this very CPU. Few
// machines have each of them, and a wrong value is worse than a slow one.

#include <random>
#include <vector>

#include "pipeline/report/wire.h"
#include "pipeline/simd/compiled_for.h"
#include "pipeline/simd/hop_columns_readers.h"
#include "pipeline/simd/masked_equal.h"
#include "pipeline/tables/port_columns.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kStacks = 64;

bool is_same(const HopColumns& a, const HopColumns& b, const ColumnPlan& plan) {
  if (a.sum_ns != b.sum_ns || a.moved != b.moved) return false;
  for (unsigned i = 0; i < plan.hops; ++i) {
    if (a.queue[i] != b.queue[i] || a.tx_utilization[i] != b.tx_utilization[i]) return false;
    if (plan.has_latency && (a.latency[i] != b.latency[i] || a.latency_ns[i] != b.latency_ns[i] ||
                             a.latency_bucket[i] != b.latency_bucket[i])) {
      return false;
    }
  }
  return true;
}

/// Random stacks of random bitmaps, compared with paths that many of them follow.
bool reads_like_scalar(InstructionSet set) {
  std::mt19937 random(1);
  // So wide that no latency here is in the topmost interval, which vectors leave to others.
  const IntervalOptions intervals{.enabled = true, .width = 1e-6, .edges = {}};
  const LatencyRule rule(IntervalRule(intervals, 1e-9), 3 << 15, 1 << 16);
  for (std::size_t round = 0; round < kStacks; ++round) {
    constexpr HopLayout kLayouts[] = {HopLayout::kInt05, HopLayout::kInt10, HopLayout::kInt2x};
    IntStack stack;
    stack.layout = kLayouts[random() % 3];
    stack.bitmap = static_cast<std::uint16_t>(0x8000 | random() % 0x8000);
    stack.hop_count = static_cast<std::uint16_t>(1 + random() % kMaxHops);
    stack.hop_bytes = make_hop_plan(stack.bitmap, stack.layout).bytes;
    ColumnPlan plan;
    if (!make_column_plan(stack, plan)) continue;
    std::vector<std::uint8_t> bytes(std::size_t{stack.hop_count} * stack.hop_bytes);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 64 == 0 ? 255 : random());
    // Latencies below 2^24, so that intervals hold them.
    for (unsigned i = 0; i < plan.hops && plan.has_latency; ++i) {
      bytes[std::size_t{i} * plan.hop_bytes + plan.latency_at] = 0;
    }
    // The path that the stack follows, or nearly.
    std::array<std::uint32_t, kMaxHops> switches{};
    std::array<std::uint16_t, kMaxHops> ports{};
    std::array<Interval, kMaxHops> places{};
    for (unsigned i = 0; i < plan.hops; ++i) {
      const std::uint8_t* hop = bytes.data() + std::size_t{i} * plan.hop_bytes;
      switches[i] = be32(hop + plan.switch_at);
      ports[i] = static_cast<std::uint16_t>(plan.has_port ? be32(hop + plan.port_at) : 0xFFFF);
      const std::uint64_t far = random() % 32 == 0 ? 1 << 20 : 0;
      if (plan.has_latency) places[i] = rule.rule.index(be32(hop + plan.latency_at) + far);
    }
    const StackView view{
        .stack = bytes.data(),
        .plan = &plan,
        .path = {
            .switch_id = switches.data(), .egress_port = ports.data(), .interval = places.data()}};
    HopColumns scalar;
    HopColumns vector;
    const bool follows = read_stack<InstructionSet::kScalar>(rule, view, scalar);
    const bool same = compiled_for(set, [&](auto to_try) {
                        return read_stack<to_try()>(rule, view, vector);
                      }) == follows;
    if (!same) return false;
    if (follows && !is_same(scalar, vector, plan)) return false;
  }
  return true;
}

bool compares_like_scalar(InstructionSet set) {
  std::mt19937 random(2);
  alignas(64) std::array<std::uint8_t, 192> mask{};
  alignas(64) std::array<std::uint8_t, 192> value{};
  for (std::size_t count = 8; count <= mask.size(); ++count) {
    std::vector<std::uint8_t> bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
      bytes[i] = static_cast<std::uint8_t>(random());
      mask[i] = static_cast<std::uint8_t>(random());
      value[i] = bytes[i] & mask[i];
    }
    const auto equals = [&] {
      return compiled_for(set, [&](auto to_try) {
        return is_equal<to_try()>(bytes.data(), mask.data(), value.data(), count);
      });
    };
    if (!equals()) return false;
    const std::size_t at = random() % count;
    mask[at] |= 1;
    value[at] = (bytes[at] & mask[at]) ^ 1;
    if (equals()) return false;
  }
  return true;
}

/// Values that are in the intervals of their ports, but for one now and then.
bool stays_like_scalar(InstructionSet set) {
  std::mt19937 random(3);
  const IntervalRule tx(IntervalOptions{.enabled = true, .width = 20, .edges = {}}, 1);
  const IntervalRule occupancy(IntervalOptions{.enabled = true, .width = 1000, .edges = {}}, 1);
  const PortRules rules(tx, occupancy);
  for (std::size_t round = 0; round < kStacks; ++round) {
    std::array<PortRow, kMaxHops> rows{};
    std::array<std::uint32_t, kMaxHops> slots{};
    HopColumns columns{};
    ColumnPlan plan;
    plan.hops = static_cast<std::uint8_t>(1 + random() % kMaxHops);
    plan.has_tx = random() % 4 != 0;
    plan.has_queue = random() % 4 != 0 || !plan.has_tx;
    const auto age = static_cast<std::uint16_t>(random());
    bool stay = true;
    bool have_age = true;
    for (unsigned i = 0; i < kMaxHops; ++i) {
      const auto near = [&](std::uint32_t value) {
        return random() % 32 == 0 ? value + 2000 : value;
      };
      PortRow& row = rows[i];
      const auto queue = static_cast<std::uint32_t>(random() % 256);
      const std::size_t at = queue % kInlineQueues;
      plan.live[i] = i < plan.hops ? ~0U : 0;
      slots[i] = i;
      columns.tx_utilization[i] = static_cast<std::uint32_t>(random() % 100'000);
      columns.queue[i] = queue << 24 | static_cast<std::uint32_t>(random() % 1'000'000);
      row.tx_stays_in = tx.index(near(columns.tx_utilization[i]));
      row.queue_stays_in[at] = occupancy.index(near(columns.queue[i] & kOccupancyMask));
      row.group = static_cast<std::uint8_t>(queue_group(random() % 32 == 0 ? queue ^ 8 : queue));
      row.tx_tick = static_cast<std::uint8_t>(random());
      row.switch_row = static_cast<std::uint16_t>(random());
      row.age = static_cast<std::uint16_t>(random() % 16 == 0 ? random() : age);
      if (i >= plan.hops) continue;
      have_age = have_age && row.age == age;
      stay = stay && (!plan.has_tx || !tx.left(columns.tx_utilization[i], row.tx_stays_in));
      stay = stay && (!plan.has_queue ||
                      (row.group == queue_group(queue) &&
                       !occupancy.left(columns.queue[i] & kOccupancyMask, row.queue_stays_in[at])));
    }
    PortsOfStack ports;
    const bool same = compiled_for(set, [&](auto to_try) {
                        return stay_at_ports<to_try()>(rules, rows.data(), slots.data(), columns,
                                                       plan, age, ports);
                      }) == stay;
    if (!same || ports.have_age != have_age) return false;
    for (unsigned i = 0; i < plan.hops; ++i) {
      if (ports.row[i] != &rows[i]) return false;
      const std::size_t at = columns.queue[i] >> kQueueShift;
      if (ports.queue[i] != &rows[i].occupancy[at % kInlineQueues]) return false;
      if (ports.occupancy[i] != (columns.queue[i] & kOccupancyMask)) return false;
    }
  }
  return true;
}

}  // namespace

InstructionSet trusted_instruction_set() {
  static const InstructionSet chosen = [] {
    for (int i = static_cast<int>(best_instruction_set()); i > 0; --i) {
      const auto set = static_cast<InstructionSet>(i);
      if (reads_like_scalar(set) && compares_like_scalar(set) && stays_like_scalar(set)) return set;
    }
    return InstructionSet::kScalar;
  }();
  return chosen;
}

}  // namespace hopscope::pipeline
