#include "pipeline/port_columns.h"

#include "pipeline/lanes_avx2.h"

namespace hopscope::pipeline {
namespace {

/// Finds the rows and lets the caller look at each.
bool find_only(const PortRules& /*rules*/, PortRow* rows, const std::uint32_t* slots,
               const HopColumns& /*columns*/, const ColumnPlan& /*plan*/,
               PortsOfStack& ports) noexcept {
  for (unsigned i = 0; i < kMaxHops; ++i) ports[i] = rows + slots[i];
  return false;
}

#if defined(__x86_64__)

/// Addresses of four rows.
HOPSCOPE_AVX2 inline __m256i rows_at(PortRow* rows, __m128i slots) noexcept {
  const __m256i offset =
      _mm256_mul_epu32(_mm256_cvtepu32_epi64(slots), four_times(sizeof(PortRow)));
  return _mm256_add_epi64(offset, four_times(reinterpret_cast<std::uintptr_t>(rows)));
}

/// What four rows have in the inline slot of a queue, and for their tx utilization.
struct FourRows {
  __m128i queue;           ///< words
  __m128i queue_interval;  ///< 16 bits each, in the lower half
  __m128i tx_interval;     ///< likewise
};

HOPSCOPE_AVX2 inline FourRows read(PortRow* const* row, __m128i slots) noexcept {
  const auto at0 = static_cast<unsigned>(_mm_cvtsi128_si32(slots));
  const auto at1 = static_cast<unsigned>(_mm_extract_epi32(slots, 1));
  const auto at2 = static_cast<unsigned>(_mm_extract_epi32(slots, 2));
  const auto at3 = static_cast<unsigned>(_mm_extract_epi32(slots, 3));
  FourRows rows;
  rows.queue = _mm_cvtsi32_si128(static_cast<int>(row[0]->occupancy[at0]));
  rows.queue = _mm_insert_epi32(rows.queue, static_cast<int>(row[1]->occupancy[at1]), 1);
  rows.queue = _mm_insert_epi32(rows.queue, static_cast<int>(row[2]->occupancy[at2]), 2);
  rows.queue = _mm_insert_epi32(rows.queue, static_cast<int>(row[3]->occupancy[at3]), 3);
  rows.queue_interval = _mm_cvtsi32_si128(row[0]->queue_stays_in[at0]);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[1]->queue_stays_in[at1], 1);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[2]->queue_stays_in[at2], 2);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[3]->queue_stays_in[at3], 3);
  rows.tx_interval = _mm_cvtsi32_si128(row[0]->tx_stays_in);
  rows.tx_interval = _mm_insert_epi16(rows.tx_interval, row[1]->tx_stays_in, 1);
  rows.tx_interval = _mm_insert_epi16(rows.tx_interval, row[2]->tx_stays_in, 2);
  rows.tx_interval = _mm_insert_epi16(rows.tx_interval, row[3]->tx_stays_in, 3);
  return rows;
}

HOPSCOPE_AVX2 inline __m256i intervals(__m128i low, __m128i high) noexcept {
  return _mm256_cvtepu16_epi32(_mm_unpacklo_epi64(low, high));
}

HOPSCOPE_AVX2 bool stay_avx2(const PortRules& rules, PortRow* rows, const std::uint32_t* slots,
                             const HopColumns& columns, const ColumnPlan& plan,
                             PortsOfStack& ports) noexcept {
  const bool has_many = plan.hops > 4;
  store256(&ports[0], rows_at(rows, load128(slots)));
  if (has_many) store256(&ports[4], rows_at(rows, load128(slots + 4)));
  if (!plan.has_tx && !plan.has_queue) return false;
  // All ones where there is none.
  const __m256i queue = load256(columns.queue.data());
  const __m256i at = _mm256_and_si256(_mm256_srli_epi32(queue, 24), eight_times(kInlineQueues - 1));
  const FourRows low = read(&ports[0], _mm256_castsi256_si128(at));
  FourRows high = low;
  if (has_many) high = read(&ports[4], _mm256_extracti128_si256(at, 1));
  __m256i good = _mm256_set1_epi32(-1);
  if (plan.has_tx) {
    good = stays(rules.tx_utilization, load256(columns.tx_utilization.data()),
                 intervals(low.tx_interval, high.tx_interval));
  }
  if (plan.has_queue) {
    const __m256i known = _mm256_set_m128i(high.queue, low.queue);
    const __m256i id = _mm256_srli_epi32(_mm256_xor_si256(known, queue), 24);
    const __m256i occupancy = _mm256_and_si256(queue, eight_times(kOccupancyMask));
    good = _mm256_and_si256(good, _mm256_cmpeq_epi32(id, _mm256_setzero_si256()));
    good = _mm256_and_si256(good, stays(rules.occupancy, occupancy,
                                        intervals(low.queue_interval, high.queue_interval)));
  }
  return _mm256_testc_si256(good, load256(plan.live.data())) != 0;
}

#endif

}  // namespace

StayAtPorts port_comparer(InstructionSet set, const PortRules& rules) noexcept {
#if defined(__x86_64__)
  const bool fits = rules.tx_utilization.fits && rules.occupancy.fits;
  if (fits && set != InstructionSet::kScalar) return stay_avx2;
#endif
  (void)set;
  (void)rules;
  return find_only;
}

}  // namespace hopscope::pipeline
