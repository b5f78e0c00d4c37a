#pragma once
// Eight values at a time in AVX2 registers. Only for files of vector code; their callers have
// checked that the CPU has AVX2.

#if defined(__x86_64__)

// GCC 12's own header reads registers whose content does not matter.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "pipeline/events/intervals.h"
#include "pipeline/simd/compiled_for.h"

namespace hopscope::pipeline {

HOPSCOPE_AVX2 inline __m256i load256(const void* at) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

HOPSCOPE_AVX2 inline __m128i load128(const void* at) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

HOPSCOPE_AVX2 inline void store256(void* at, __m256i value) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}

HOPSCOPE_AVX2 inline __m256i eight_times(std::uint32_t value) noexcept {
  return _mm256_set1_epi32(static_cast<int>(value));
}

HOPSCOPE_AVX2 inline __m256i four_times(std::uint64_t value) noexcept {
  return _mm256_set1_epi64x(static_cast<long long>(value));
}

/// The lowest `kBits` bits of each word; two shifts are cheaper than building a mask.
template <int kBits>
HOPSCOPE_AVX2 inline __m256i low_bits(__m256i words) noexcept {
  return _mm256_srli_epi32(_mm256_slli_epi32(words, 32 - kBits), 32 - kBits);
}

/// Four rows of four words become four columns.
HOPSCOPE_AVX2 inline void transpose(const __m128i* row, __m128i* column) noexcept {
  const __m128i low01 = _mm_unpacklo_epi32(row[0], row[1]);
  const __m128i high01 = _mm_unpackhi_epi32(row[0], row[1]);
  const __m128i low23 = _mm_unpacklo_epi32(row[2], row[3]);
  const __m128i high23 = _mm_unpackhi_epi32(row[2], row[3]);
  column[0] = _mm_unpacklo_epi64(low01, low23);
  column[1] = _mm_unpackhi_epi64(low01, low23);
  column[2] = _mm_unpacklo_epi64(high01, high23);
  column[3] = _mm_unpackhi_epi64(high01, high23);
}

/// FixedIntervals::stays() for eight lanes. `interval`: indices for 32-bit values.
HOPSCOPE_AVX2 inline __m256i stays(const LaneIntervals& rule, __m256i value,
                                   __m256i interval) noexcept {
  const __m256i begin = _mm256_mullo_epi32(interval, load256(rule.width.data()));
  const __m256i margin = load256(rule.margin.data());
  const __m256i first = _mm256_sub_epi32(_mm256_max_epu32(begin, margin), margin);
  const __m256i room = _mm256_xor_si256(begin, _mm256_set1_epi32(-1));
  const __m256i last = _mm256_add_epi32(begin, _mm256_min_epu32(load256(rule.reach.data()), room));
  const __m256i inside = _mm256_min_epu32(_mm256_max_epu32(value, first), last);
  const __m256i is_top = _mm256_cmpgt_epi32(interval, load256(rule.last.data()));
  return _mm256_andnot_si256(is_top, _mm256_cmpeq_epi32(inside, value));
}

}  // namespace hopscope::pipeline

#endif
