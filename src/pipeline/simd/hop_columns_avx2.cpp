// Hops of at least 16 bytes whose switch id, port, latency and queue are in the first four words:
// one load and one shuffle per hop, and two transpositions of four hops each.

#include "pipeline/report/latency_histogram.h"
#include "pipeline/simd/hop_columns_readers.h"
#include "pipeline/simd/lanes_avx2.h"

#if defined(__x86_64__)

namespace hopscope::pipeline {
namespace {

/// Joins two halves of a column; kMany: there are more than four hops.
template <bool kMany>
HOPSCOPE_AVX2 inline __m256i join(__m128i low, __m128i high) noexcept {
  return kMany ? _mm256_set_m128i(high, low) : _mm256_zextsi128_si256(low);
}

/// Columns of the hops: switch id, port, latency, queue.
template <bool kMany>
HOPSCOPE_AVX2 inline void read_windows(const std::uint8_t* stack, const ColumnPlan& plan,
                                       __m256i* column) noexcept {
  HOPSCOPE_ASSERT(plan.fits_window && plan.hop_bytes >= 16);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(plan.window.data()) % 16 == 0);
  const __m128i shuffle = _mm_load_si128(reinterpret_cast<const __m128i*>(plan.window.data()));
  const auto hop = [&](unsigned lane) HOPSCOPE_AVX2 {
    return _mm_shuffle_epi8(load128(stack + plan.hop_at[lane]), shuffle);
  };
  __m128i low[4];
  __m128i high[4] = {};
  const __m128i first[4] = {hop(0), hop(1), hop(2), hop(3)};
  transpose(first, low);
  if (kMany) {
    const __m128i further[4] = {hop(4), hop(5), hop(6), hop(7)};
    transpose(further, high);
  }
  for (unsigned i = 0; i < 4; ++i) {
    column[i] = _mm256_or_si256(join<kMany>(low[i], high[i]), eight_times(plan.window_absent[i]));
  }
}

/// One word of each hop.
template <bool kMany>
HOPSCOPE_AVX2 inline __m256i read_words(const std::uint8_t* words,
                                        const ColumnPlan& plan) noexcept {
  const auto word = [&](unsigned lane) HOPSCOPE_AVX2 {
    int value = 0;
    std::memcpy(&value, words + plan.hop_at[lane], sizeof value);
    return value;
  };
  const __m128i low = _mm_setr_epi32(word(0), word(1), word(2), word(3));
  const __m128i high =
      kMany ? _mm_setr_epi32(word(4), word(5), word(6), word(7)) : _mm_setzero_si128();
  const __m128i swap = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  return join<kMany>(_mm_shuffle_epi8(low, swap), _mm_shuffle_epi8(high, swap));
}

/// Exponents of the smallest powers of 2 that are not below the latencies, plus 1022; 0 for the
/// latencies 0 and 1. Latencies are below 2^52.
HOPSCOPE_AVX2 inline __m256i exponents(__m256i latency_ns) noexcept {
  // Whole numbers below 2^52, read as the mantissa of a double whose exponent is 52.
  const __m256i magic = four_times(0x4330'0000'0000'0000);
  const __m256i is_zero = _mm256_cmpeq_epi64(latency_ns, _mm256_setzero_si256());
  const __m256i below = _mm256_sub_epi64(_mm256_sub_epi64(latency_ns, four_times(1)), is_zero);
  const __m256d value =
      _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(below, magic)), _mm256_castsi256_pd(magic));
  return _mm256_srli_epi64(_mm256_castpd_si256(value), 52);
}

/// latency_bucket() of each lane.
HOPSCOPE_AVX2 inline __m256i buckets(__m256i low_ns, __m256i high_ns) noexcept {
  const __m256 both = _mm256_shuffle_ps(_mm256_castsi256_ps(exponents(low_ns)),
                                        _mm256_castsi256_ps(exponents(high_ns)), 0x88);
  const __m256i bound = _mm256_permute4x64_epi64(_mm256_castps_si256(both), 0xD8);
  // Both fit 16 bits, and none is to be below 0.
  const __m256i bucket = _mm256_subs_epu16(bound, eight_times(1022 + kLatencyFirstBit));
  return _mm256_min_epi32(bucket, eight_times(kLatencyBuckets - 1));
}

/// Fills the columns that are computed from the latencies.
HOPSCOPE_AVX2 inline void take_latencies(__m256i latencies, __m256i to_ns,
                                         HopColumns& columns) noexcept {
  const __m256i low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(latencies));
  const __m256i high = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(latencies, 1));
  const __m256i low_ns = _mm256_srli_epi64(_mm256_mul_epu32(low, to_ns), 16);
  const __m256i high_ns = _mm256_srli_epi64(_mm256_mul_epu32(high, to_ns), 16);
  store256(columns.latency.data(), latencies);
  store256(columns.latency_ns.data(), low_ns);
  store256(columns.latency_ns.data() + 4, high_ns);
  store256(columns.latency_bucket.data(), buckets(low_ns, high_ns));
  const __m256i four = _mm256_add_epi64(low_ns, high_ns);
  const __m128i two =
      _mm_add_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
  columns.sum_ns = static_cast<std::uint64_t>(_mm_cvtsi128_si64(two)) +
                   static_cast<std::uint64_t>(_mm_extract_epi64(two, 1));
}

template <bool kMany>
HOPSCOPE_AVX2 inline bool read(const LatencyRule& rule, const StackView& view,
                               HopColumns& columns) noexcept {
  const ColumnPlan& plan = *view.plan;
  const __m256i ones = eight_times(0xFFFF'FFFF);
  const __m256i live = load256(plan.live.data());
  __m256i column[4];
  read_windows<kMany>(view.stack, plan, column);
  const __m256i ports = low_bits<16>(column[1]);
  const __m256i known_ports = _mm256_cvtepu16_epi32(load128(view.path.egress_port));
  const __m256i good = _mm256_and_si256(_mm256_cmpeq_epi32(load256(view.path.switch_id), column[0]),
                                        _mm256_cmpeq_epi32(known_ports, ports));
  __m256i bad = _mm256_cmpeq_epi32(column[0], ones);
  bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(ports, eight_times(plan.bad_port)));
  columns.sum_ns = 0;
  columns.moved = 0;
  if (plan.has_latency) {
    const __m256i interval = _mm256_cvtepu16_epi32(load128(view.path.interval));
    const __m256i moved = _mm256_andnot_si256(stays(rule.lanes, column[2], interval), live);
    columns.moved = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(moved)));
    bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(column[2], ones));
    take_latencies(_mm256_and_si256(column[2], live), load256(rule.factor.data()), columns);
  }
  if (plan.has_queue) bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(column[3], ones));
  store256(columns.queue.data(), column[3]);
  __m256i tx = ones;
  if (plan.has_tx) {
    tx = read_words<kMany>(view.stack + plan.tx_at, plan);
    bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(tx, ones));
  }
  store256(columns.tx_utilization.data(), tx);
  // Good and not bad in every lane of a hop.
  return _mm256_testc_si256(_mm256_andnot_si256(bad, good), live) != 0 &&
         !(plan.check_egress_time && is_clock(rule, view));
}

}  // namespace

HOPSCOPE_AVX2 bool read_avx2(const LatencyRule& rule, const StackView& view,
                             HopColumns& columns) noexcept {
  check_view(view);
  HOPSCOPE_ASSERT(rule.has_lanes);
  if (!view.plan->fits_window) return read_scalar(rule, view, columns);
  return view.plan->hops > 4 ? read<true>(rule, view, columns) : read<false>(rule, view, columns);
}

}  // namespace hopscope::pipeline

#endif
