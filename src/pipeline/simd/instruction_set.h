#pragma once
// Which vector instructions the hot path uses: the best set that the CPU has and that passes the
// self-test.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "base/assert.h"

namespace hopscope::pipeline {

enum class InstructionSet : std::uint8_t {
  kScalar,
  kAvx2,    ///< with BMI1, BMI2 and MOVBE, which all CPUs with AVX2 have
  kAvx512,  ///< with F, BW, CD, VL and DQ as well
};

[[nodiscard]] constexpr std::string_view label(InstructionSet set) noexcept {
  constexpr std::string_view kLabels[] = {"scalar", "avx2", "avx512"};
  HOPSCOPE_ASSERT(static_cast<std::size_t>(set) < std::size(kLabels));
  return kLabels[static_cast<std::size_t>(set)];
}

/// The best set that this CPU executes and whose registers the operating system saves.
[[nodiscard]] InstructionSet best_instruction_set() noexcept;

/// The best set whose results on this machine equal those of the scalar code; tested once.
[[nodiscard]] InstructionSet trusted_instruction_set();

}  // namespace hopscope::pipeline
