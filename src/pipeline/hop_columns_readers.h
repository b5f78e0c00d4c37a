#pragma once
// Readers of stacks, one per instruction set. Which of them may be called is for stack_reader() and
// header_comparer() to say.

#include <cstddef>
#include <cstdint>

#include "pipeline/hop_columns.h"

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

/// What the sink sends as latency may be its clock (see HopReader). Where check_egress_time is set.
[[nodiscard]] bool is_clock(const LatencyRule& rule, const StackView& view) noexcept;

}  // namespace hopscope::pipeline
