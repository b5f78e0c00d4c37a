// Stacks of up to 64 words in four registers, from which columns are extracted in pairs.

#include "pipeline/report/latency_histogram.h"
#include "pipeline/simd/compiled_for.h"
#include "pipeline/simd/hop_columns_readers.h"

#if defined(__x86_64__)
// GCC 12's own header reads registers whose content does not matter.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

namespace hopscope::pipeline {

namespace {

/// latency_bucket() of each lane.
HOPSCOPE_AVX512 inline __m256i buckets(__m512i latency_ns) noexcept {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i below = _mm512_mask_sub_epi64(
      latency_ns, _mm512_test_epi64_mask(latency_ns, latency_ns), latency_ns, one);
  const __m512i bits = _mm512_sub_epi64(_mm512_set1_epi64(64), _mm512_lzcnt_epi64(below));
  const __m512i bucket = _mm512_sub_epi64(bits, _mm512_set1_epi64(kLatencyFirstBit));
  return _mm512_cvtepi64_epi32(_mm512_min_epi64(_mm512_max_epi64(bucket, _mm512_setzero_si512()),
                                                _mm512_set1_epi64(kLatencyBuckets - 1)));
}

}  // namespace

HOPSCOPE_AVX512 bool read_avx512(const LatencyRule& rule, const StackView& view,
                                 HopColumns& columns) noexcept {
  check_view(view);
  HOPSCOPE_ASSERT(rule.has_lanes);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(&columns) % alignof(HopColumns) == 0);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(view.plan) % alignof(ColumnPlan) == 0);
  const ColumnPlan& plan = *view.plan;
  if (!plan.fits_registers) return read_scalar(rule, view, columns);
  const __m512i swap =
      _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  const __m512i ones = _mm512_set1_epi32(-1);
  __m512i words[4];
  for (std::size_t i = 0; i < 4; ++i) {
    words[i] =
        _mm512_shuffle_epi8(_mm512_maskz_loadu_epi8(plan.load[i], view.stack + 64 * i), swap);
  }
  __m512i column[3];
  unsigned has_ones = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const ColumnPlan::Pair& pair = plan.pairs[i];
    const __m512i index = _mm512_load_si512(pair.word.data());
    const __m512i lower = _mm512_permutex2var_epi32(words[0], index, words[1]);
    const __m512i upper = _mm512_permutex2var_epi32(words[2], index, words[3]);
    const __m512i taken = _mm512_mask_blend_epi32(pair.upper, lower, upper);
    has_ones |= _mm512_mask_cmpeq_epi32_mask(pair.live, taken, ones);
    column[i] = _mm512_mask_blend_epi32(pair.live, ones, taken);
  }
  const __m256i switches = _mm512_castsi512_si256(column[0]);
  const __m256i latencies = _mm512_extracti64x4_epi64(column[0], 1);
  const __m256i port_words = _mm512_castsi512_si256(column[1]);
  const __m256i ports =
      plan.has_port
          ? _mm256_and_si256(port_words, _mm256_set1_epi32(static_cast<int>(plan.port_mask)))
          : port_words;
  const auto hops = static_cast<__mmask8>(_bzhi_u32(0xFF, plan.hops));
  if (plan.has_port) {
    has_ones |= _mm256_mask_cmpeq_epi32_mask(hops, ports, _mm256_set1_epi32(0xFFFF));
  }
  const __m256i known_switches =
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(view.path.switch_id));
  const __m128i known_ports =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(view.path.egress_port));
  const __m128i intervals = _mm_loadu_si128(reinterpret_cast<const __m128i*>(view.path.interval));
  const unsigned other_switch = _mm256_mask_cmpneq_epi32_mask(hops, switches, known_switches);
  const unsigned other_port =
      _mm_mask_cmpneq_epi16_mask(hops, _mm256_cvtepi32_epi16(ports), known_ports);
  _mm256_store_si256(reinterpret_cast<__m256i*>(columns.queue.data()),
                     _mm512_extracti64x4_epi64(column[1], 1));
  _mm256_store_si256(reinterpret_cast<__m256i*>(columns.tx_utilization.data()),
                     _mm512_castsi512_si256(column[2]));
  columns.sum_ns = 0;
  columns.moved = 0;
  if (plan.has_latency) {
    const FixedIntervals fixed = rule.rule.fixed();
    const __m512i latency = _mm512_cvtepu32_epi64(latencies);
    const __m512i interval = _mm512_cvtepu16_epi64(intervals);
    const __m512i base =
        _mm512_mul_epu32(interval, _mm512_set1_epi64(static_cast<long long>(fixed.width)));
    const __m512i margin = _mm512_set1_epi64(static_cast<long long>(fixed.margin));
    const __m512i above = _mm512_sub_epi64(_mm512_add_epi64(latency, margin), base);
    const __m512i span = _mm512_set1_epi64(static_cast<long long>(fixed.span));
    columns.moved = static_cast<std::uint32_t>(
        _mm512_mask_cmpge_epu64_mask(hops, above, span) |
        _mm512_mask_cmpge_epu64_mask(hops, interval, _mm512_set1_epi64(0xFFFE)));
    const __m512i to_ns = _mm512_set1_epi64(static_cast<long long>(rule.to_ns));
    const __m512i ns = _mm512_srli_epi64(_mm512_mul_epu32(latency, to_ns), 16);
    _mm256_store_si256(reinterpret_cast<__m256i*>(columns.latency.data()), latencies);
    _mm512_store_si512(columns.latency_ns.data(), ns);
    _mm256_store_si256(reinterpret_cast<__m256i*>(columns.latency_bucket.data()), buckets(ns));
    columns.sum_ns = static_cast<std::uint64_t>(_mm512_mask_reduce_add_epi64(hops, ns));
  }
  return (other_switch | other_port | has_ones) == 0 &&
         !(plan.check_egress_time && is_clock(rule, view));
}

}  // namespace hopscope::pipeline

#endif
