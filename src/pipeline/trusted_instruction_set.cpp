// The best instruction set whose readers give what the scalar one gives on this very CPU. Few
// machines have each of them, and a wrong value is worse than a slow one.

#include <random>
#include <vector>

#include "pipeline/hop_columns.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kStacks = 64;

bool is_same(const StackResult& a, const StackResult& b, const ColumnPlan& plan) {
  if (a.is_regular != b.is_regular) return false;
  if (!a.is_regular) return true;
  if (a.latency_ns != b.latency_ns) return false;
  for (unsigned i = 0; i < plan.hops; ++i) {
    const bool equal = a.columns.switch_id[i] == b.columns.switch_id[i] &&
                       a.columns.latency[i] == b.columns.latency[i] &&
                       a.columns.port[i] == b.columns.port[i] &&
                       a.columns.queue[i] == b.columns.queue[i] &&
                       a.columns.tx_utilization[i] == b.columns.tx_utilization[i] &&
                       a.columns.congestion[i] == b.columns.congestion[i];
    if (!equal) return false;
  }
  return true;
}

/// Random stacks of random bitmaps, compared with paths that many of them follow.
bool reads_like_scalar(InstructionSet set) {
  std::mt19937 random(1);
  // So wide that no latency here is in the topmost interval, which vectors leave to others.
  const IntervalOptions intervals{.enabled = true, .width = 1e-6, .edges = {}};
  const LatencyRule rule{.rule = IntervalRule(intervals, 1e-9), .to_ns = 3 << 15};
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
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 16 == 0 ? 255 : random());
    // Latencies below 2^24, so that intervals hold them.
    for (unsigned i = 0; i < plan.hops && plan.has_latency; ++i) {
      bytes[std::size_t{i} * plan.hop_bytes + plan.latency_at] = 0;
    }
    StackJob job{.stack = bytes.data(), .plan = &plan, .path = {}};
    StackResult scalar;
    stack_reader(InstructionSet::kScalar, rule)(rule, &job, 1, &scalar);
    std::array<std::uint16_t, kMaxHops> ports{};
    std::array<Interval, kMaxHops> places{};
    for (unsigned i = 0; i < plan.hops; ++i) {
      ports[i] = static_cast<std::uint16_t>(scalar.columns.port[i]);
      const std::uint64_t near = scalar.columns.latency[i] + (random() % 32 == 0 ? 1 << 20 : 0);
      places[i] = rule.rule.index(near);
    }
    const HopColumns known = scalar.columns;
    job.path = {.switch_id = known.switch_id.data(),
                .egress_port = ports.data(),
                .interval = places.data()};
    StackResult vector;
    stack_reader(InstructionSet::kScalar, rule)(rule, &job, 1, &scalar);
    stack_reader(set, rule)(rule, &job, 1, &vector);
    if (!is_same(scalar, vector, plan)) return false;
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
    if (!header_comparer(set)(bytes.data(), mask.data(), value.data(), count)) return false;
    const std::size_t at = random() % count;
    mask[at] |= 1;
    value[at] = (bytes[at] & mask[at]) ^ 1;
    if (header_comparer(set)(bytes.data(), mask.data(), value.data(), count)) return false;
  }
  return true;
}

}  // namespace

InstructionSet trusted_instruction_set() {
  static const InstructionSet chosen = [] {
    for (int i = static_cast<int>(best_instruction_set()); i > 0; --i) {
      const auto set = static_cast<InstructionSet>(i);
      if (reads_like_scalar(set) && compares_like_scalar(set)) return set;
    }
    return InstructionSet::kScalar;
  }();
  return chosen;
}

}  // namespace hopscope::pipeline
