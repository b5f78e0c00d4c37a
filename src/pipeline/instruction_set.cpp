#include "pipeline/instruction_set.h"

namespace hopscope::pipeline {

InstructionSet best_instruction_set() noexcept {
#if defined(__x86_64__)
  const bool has_avx512 =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("bmi2") != 0;
  if (has_avx512) return InstructionSet::kAvx512;
  if (__builtin_cpu_supports("avx2") != 0) return InstructionSet::kAvx2;
#endif
  return InstructionSet::kScalar;
}

}  // namespace hopscope::pipeline
