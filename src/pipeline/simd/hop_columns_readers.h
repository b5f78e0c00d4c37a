#pragma once
// Readers of stacks, one per instruction set.

#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/instruction_set.h"

namespace hopscope::pipeline {

[[nodiscard]] bool read_scalar(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;

#if defined(__x86_64__)
// Rules of one fixed width and units that fit 32 bits. Stacks that they were not made for go to
// read_scalar().
[[nodiscard]] bool read_avx2(const LatencyRule& rule, const StackView& view,
                             HopColumns& columns) noexcept;
[[nodiscard]] bool read_avx512(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;
#endif

/// Reads a stack. True: its path is the one given, no word is all ones and no port 65535, which a
/// record cannot tell from none. False: the columns say nothing.
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

/// What the sink sends as latency may be its clock (see HopReader). Where check_egress_time is set.
[[nodiscard]] bool is_clock(const LatencyRule& rule, const StackView& view) noexcept;

}  // namespace hopscope::pipeline
