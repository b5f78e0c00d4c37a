#pragma once
// Readers of stacks and comparers of headers, one per instruction set.

#include <cstddef>
#include <cstdint>

#include "pipeline/hop_columns.h"
#include "pipeline/instruction_set.h"

namespace hopscope::pipeline {

[[nodiscard]] bool read_scalar(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;
[[nodiscard]] bool equal_scalar(const std::uint8_t* bytes, const std::uint8_t* mask,
                                const std::uint8_t* value, std::size_t count) noexcept;

#if defined(__x86_64__)
// Rules of one fixed width and units that fit 32 bits. Stacks that they were not made for go to
// read_scalar().
[[nodiscard]] bool read_avx2(const LatencyRule& rule, const StackView& view,
                             HopColumns& columns) noexcept;
[[nodiscard]] bool equal_avx2(const std::uint8_t* bytes, const std::uint8_t* mask,
                              const std::uint8_t* value, std::size_t count) noexcept;
[[nodiscard]] bool read_avx512(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept;
[[nodiscard]] bool equal_avx512(const std::uint8_t* bytes, const std::uint8_t* mask,
                                const std::uint8_t* value, std::size_t count) noexcept;
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

/// (bytes & mask) == value over `count` bytes, at least 8; mask and value are padded to 64 bytes.
template <InstructionSet kSet>
[[nodiscard, gnu::always_inline]] inline bool is_equal(const std::uint8_t* bytes,
                                                       const std::uint8_t* mask,
                                                       const std::uint8_t* value,
                                                       std::size_t count) noexcept {
#if defined(__x86_64__)
  if constexpr (kSet == InstructionSet::kAvx512) return equal_avx512(bytes, mask, value, count);
  if constexpr (kSet == InstructionSet::kAvx2) return equal_avx2(bytes, mask, value, count);
#endif
  return equal_scalar(bytes, mask, value, count);
}

/// What the sink sends as latency may be its clock (see HopReader). Where check_egress_time is set.
[[nodiscard]] bool is_clock(const LatencyRule& rule, const StackView& view) noexcept;

}  // namespace hopscope::pipeline
