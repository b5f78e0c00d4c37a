#pragma once
// Code that is compiled for each instruction set as a whole: what it calls is inlined, the vector
// functions as well, so that nothing is called by pointer for every frame.

#include <type_traits>

#include "pipeline/simd/instruction_set.h"

#if defined(__x86_64__)
/// For functions that run where best_instruction_set() is kAvx2 at least.
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

/// Only its vector functions are for AVX-512, and are called.
template <>
struct Compiled<InstructionSet::kAvx512> {
  template <typename Call>
  [[gnu::flatten]] HOPSCOPE_AVX2 static auto run(const Call& call) noexcept {
    return call(SetConstant<InstructionSet::kAvx512>{});
  }
};
#endif

/// call(SetConstant<set>{}), which is noexcept, compiled for the set. What is not to be part of it
/// is noinline.
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
