#pragma once
// Compiles a piece of code once for each instruction set: everything that it calls is inlined, the
// vector functions too, so that no function is called by pointer for every frame.

#include <type_traits>

#include "pipeline/simd/instruction_set.h"

#if defined(__x86_64__)
/// For functions that are called only where best_instruction_set() is at least kAvx2.
#define HOPSCOPE_AVX2 __attribute__((target("avx2,bmi,bmi2,movbe")))
/// ... where it is kAvx512.
#define HOPSCOPE_AVX512 __attribute__((target("avx512f,avx512bw,avx512cd,avx512vl,avx512dq,bmi2")))
#endif

namespace hopscope::pipeline {

template <InstructionSet kSet>
using SetConstant = std::integral_constant<InstructionSet, kSet>;

template <InstructionSet kSet>
struct Compiled {
  template <typename Call>
  [[gnu::flatten]] static auto run(const Call& call) noexcept {
    return call(SetConstant<kSet>{});
  }
};

#if defined(__x86_64__)
template <>
struct Compiled<InstructionSet::kAvx2> {
  template <typename Call>
  [[gnu::flatten]] HOPSCOPE_AVX2 static auto run(const Call& call) noexcept {
    return call(SetConstant<InstructionSet::kAvx2>{});
  }
};

/// Compiled for AVX2; only its vector functions are compiled for AVX-512, and are not inlined.
template <>
struct Compiled<InstructionSet::kAvx512> {
  template <typename Call>
  [[gnu::flatten]] HOPSCOPE_AVX2 static auto run(const Call& call) noexcept {
    return call(SetConstant<InstructionSet::kAvx512>{});
  }
};
#endif

/// Runs call(SetConstant<set>{}), which is noexcept, as compiled for the set. Functions that must
/// not be compiled for each set are noinline. The CPU has the set.
template <typename Call>
auto compiled_for(InstructionSet set, const Call& call) noexcept {
  switch (set) {
    case InstructionSet::kAvx512:
      return Compiled<InstructionSet::kAvx512>::run(call);
    case InstructionSet::kAvx2:
      return Compiled<InstructionSet::kAvx2>::run(call);
    default:
      return Compiled<InstructionSet::kScalar>::run(call);
  }
}

}  // namespace hopscope::pipeline
