#include "pipeline/report/hash.h"

#include <random>

namespace hopscope::pipeline {

HashSeed random_hash_seed() {
  std::random_device device;
  const auto word = [&device] { return (static_cast<std::uint64_t>(device()) << 32) | device(); };
  return {.a = word(), .b = word()};
}

}  // namespace hopscope::pipeline
