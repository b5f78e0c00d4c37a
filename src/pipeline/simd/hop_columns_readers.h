#pragma once
// Readers of stacks, one per instruction set.

#include "base/assert.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/instruction_set.h"

namespace hopscope::pipeline {

/// The contract of all readers: a plan that make_column_plan() has made, the bytes of its hops at
/// view.stack, and a path to compare them with.
inline void check_view(const StackView& view) noexcept {
  HOPSCOPE_ASSERT(view.stack != nullptr && view.plan != nullptr);
  HOPSCOPE_ASSERT(view.plan->hops <= kMaxHops && view.plan->hop_bytes >= 4);
  HOPSCOPE_ASSERT(view.path.switch_id != nullptr && view.path.egress_port != nullptr);
  HOPSCOPE_ASSERT(view.path.interval != nullptr || !view.plan->has_latency);
}

[[nodiscard]] bool read_scalar(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;

#if defined(__x86_64__)
// Only for rules with has_lanes. Stacks that do not fit their registers are read by read_scalar().
[[nodiscard]] bool read_avx2(const LatencyRule& rule, const StackView& view,
                             HopColumns& columns) noexcept;
[[nodiscard]] bool read_avx512(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;
#endif

/// Reads a stack. True: its path is view.path, no word is all ones and no port is 65535, which a
/// record cannot distinguish from "no port". False: the columns are not valid.
template <InstructionSet kSet>
[[nodiscard, gnu::always_inline]] inline bool read_stack(const LatencyRule& rule,
                                                         const StackView& view,
                                                         HopColumns& columns) noexcept {
#if defined(__x86_64__)
  if constexpr (kSet == InstructionSet::kAvx512) {
    if (rule.has_lanes) [[likely]]
      return read_avx512(rule, view, columns);
  } else if constexpr (kSet == InstructionSet::kAvx2) {
    if (rule.has_lanes) [[likely]]
      return read_avx2(rule, view, columns);
  }
#endif
  return read_scalar(rule, view, columns);
}

/// Whether the latency of the sink is its clock (see HopReader). Only for plans with
/// check_egress_time.
[[nodiscard]] bool is_clock(const LatencyRule& rule, const StackView& view) noexcept;

}  // namespace hopscope::pipeline
