#pragma once
// Seeded multiply-fold hash for table keys. Inner 5-tuples are chosen by the senders of the
// packets, so the seed is random per process: an attacker cannot aim at one bucket.

#include <cstdint>
#include <cstring>

#include "pipeline/report/key.h"

namespace hopscope::pipeline {

struct HashSeed {
  std::uint64_t a = 0x9E37'79B9'7F4A'7C15;
  std::uint64_t b = 0xC2B2'AE3D'27D4'EB4F;
};

/// A random seed. Where runs must repeat exactly, HashSeed{} is used instead.
[[nodiscard]] HashSeed random_hash_seed();

/// High and low half of the 128-bit product, folded.
[[nodiscard]] inline std::uint64_t multiply_fold(std::uint64_t x, std::uint64_t y) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(x) * y;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

[[nodiscard]] inline std::uint64_t load_word(const void* at) noexcept {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

[[nodiscard]] inline std::uint64_t hash_of(const FlowKey4& key, const HashSeed& seed) noexcept {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key);
  const std::uint64_t mixed =
      multiply_fold(load_word(bytes) ^ seed.a, load_word(bytes + 8) ^ seed.b);
  return multiply_fold(mixed ^ seed.b, seed.a | 1);
}

[[nodiscard]] inline std::uint64_t hash_of(const FlowKey6& key, const HashSeed& seed) noexcept {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key);
  std::uint64_t mixed = multiply_fold(load_word(bytes) ^ seed.a, load_word(bytes + 8) ^ seed.b);
  mixed = multiply_fold(mixed ^ load_word(bytes + 16), load_word(bytes + 24) ^ seed.a);
  return multiply_fold(mixed ^ load_word(bytes + 32) ^ seed.b, seed.a | 1);
}

[[nodiscard]] inline std::uint64_t hash_of(std::uint64_t key, const HashSeed& seed) noexcept {
  return multiply_fold(multiply_fold(key ^ seed.a, seed.b | 1) ^ seed.b, seed.a | 1);
}

}  // namespace hopscope::pipeline
