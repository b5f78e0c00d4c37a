#pragma once
// Which vector instructions the hot path uses: the best that the CPU has, unless told otherwise.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hopscope::pipeline {

enum class InstructionSet : std::uint8_t {
  kScalar,
  kAvx2,    ///< with BMI1, BMI2 and MOVBE, as all CPUs that have it
  kAvx512,  ///< F, BW, CD, VL and DQ besides
};

[[nodiscard]] constexpr std::string_view label(InstructionSet set) noexcept {
  constexpr std::string_view kLabels[] = {"scalar", "avx2", "avx512"};
  return kLabels[static_cast<std::size_t>(set)];
}

/// What this CPU can, and the operating system saves.
[[nodiscard]] InstructionSet best_instruction_set() noexcept;

/// The best one that was seen to do here what the scalar code does; tried once.
[[nodiscard]] InstructionSet trusted_instruction_set();

}  // namespace hopscope::pipeline
