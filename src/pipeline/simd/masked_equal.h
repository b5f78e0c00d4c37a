#pragma once
// Compares the bits of a header that decide how a frame is read, one function per instruction set.

#include <cstddef>
#include <cstdint>

#include "pipeline/simd/instruction_set.h"

namespace hopscope::pipeline {

/// Limit of the compared header, which extends from the first byte of the frame to the first hop.
inline constexpr std::size_t kMaxHeaderBytes = 192;

[[nodiscard]] bool equal_scalar(const std::uint8_t* bytes, const std::uint8_t* mask,
                                const std::uint8_t* value, std::size_t count) noexcept;
#if defined(__x86_64__)
[[nodiscard]] bool equal_avx2(const std::uint8_t* bytes, const std::uint8_t* mask,
                              const std::uint8_t* value, std::size_t count) noexcept;
[[nodiscard]] bool equal_avx512(const std::uint8_t* bytes, const std::uint8_t* mask,
                                const std::uint8_t* value, std::size_t count) noexcept;
#endif

/// (bytes & mask) == value over `count` bytes, from 8 to kMaxHeaderBytes. Mask and value are
/// aligned to 64 bytes and padded to a multiple of 64 bytes.
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

}  // namespace hopscope::pipeline
