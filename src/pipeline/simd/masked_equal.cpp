#include "pipeline/simd/masked_equal.h"

#include <cstring>

#include "base/assert.h"
#include "pipeline/simd/lanes_avx2.h"

namespace hopscope::pipeline {

bool equal_scalar(const std::uint8_t* bytes, const std::uint8_t* mask, const std::uint8_t* value,
                  std::size_t count) noexcept {
  HOPSCOPE_ASSERT(count >= 8 && count <= kMaxHeaderBytes);
  const auto differ = [&](std::size_t at) {
    std::uint64_t a, b, c;
    std::memcpy(&a, bytes + at, 8);
    std::memcpy(&b, mask + at, 8);
    std::memcpy(&c, value + at, 8);
    return (a & b) ^ c;
  };
  std::uint64_t different = 0;
  for (std::size_t at = 0; at + 8 <= count; at += 8) different |= differ(at);
  return (different | differ(count - 8)) == 0;
}

#if defined(__x86_64__)
namespace {

/// (bytes & mask) ^ value
HOPSCOPE_AVX2 inline __m256i difference(const std::uint8_t* bytes, const std::uint8_t* mask,
                                        const std::uint8_t* value) noexcept {
  return _mm256_xor_si256(_mm256_and_si256(load256(bytes), load256(mask)), load256(value));
}

}  // namespace

HOPSCOPE_AVX2 bool equal_avx2(const std::uint8_t* bytes, const std::uint8_t* mask,
                              const std::uint8_t* value, std::size_t count) noexcept {
  HOPSCOPE_ASSERT(count >= 8 && count <= kMaxHeaderBytes);
  if (count < 32) return equal_scalar(bytes, mask, value, count);
  const auto at = [&](std::size_t from)
                      HOPSCOPE_AVX2 { return difference(bytes + from, mask + from, value + from); };
  __m256i different = at(count - 32);
  // The full blocks of 32 bytes before that, without a loop because there are at most five.
  static_assert(kMaxHeaderBytes <= 6 * 32);
  switch ((count - 1) / 32) {
    case 5:
      different = _mm256_or_si256(different, at(4 * 32));
      [[fallthrough]];
    case 4:
      different = _mm256_or_si256(different, at(3 * 32));
      [[fallthrough]];
    case 3:
      different = _mm256_or_si256(different, at(2 * 32));
      [[fallthrough]];
    case 2:
      different = _mm256_or_si256(different, at(32));
      [[fallthrough]];
    case 1:
      different = _mm256_or_si256(different, at(0));
      break;
    default:
      break;
  }
  return _mm256_testz_si256(different, different) != 0;
}

HOPSCOPE_AVX512 bool equal_avx512(const std::uint8_t* bytes, const std::uint8_t* mask,
                                  const std::uint8_t* value, std::size_t count) noexcept {
  HOPSCOPE_ASSERT(count >= 8 && count <= kMaxHeaderBytes);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(mask) % 64 == 0);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(value) % 64 == 0);
  __m512i different = _mm512_setzero_si512();
  std::size_t at = 0;
  for (; at + 64 <= count; at += 64) {
    // (bytes & mask) ^ value
    const __m512i here =
        _mm512_ternarylogic_epi64(_mm512_loadu_si512(bytes + at), _mm512_load_si512(mask + at),
                                  _mm512_load_si512(value + at), 0x6A);
    different = _mm512_or_si512(different, here);
  }
  if (at < count) {
    const __mmask64 rest = _bzhi_u64(~0ULL, static_cast<unsigned>(count - at));
    const __m512i here = _mm512_ternarylogic_epi64(_mm512_maskz_loadu_epi8(rest, bytes + at),
                                                   _mm512_load_si512(mask + at),
                                                   _mm512_load_si512(value + at), 0x6A);
    different = _mm512_or_si512(different, here);
  }
  return _mm512_test_epi64_mask(different, different) == 0;
}
#endif

}  // namespace hopscope::pipeline
