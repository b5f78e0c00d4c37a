#include "pipeline/tables/port_columns.h"

#include <cstddef>
#include <cstring>

#include "pipeline/simd/lanes_avx2.h"

namespace hopscope::pipeline {

void find_ports(PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
                const ColumnPlan& plan, PortsOfStack& ports) noexcept {
  for (unsigned i = 0; i < plan.hops; ++i) {
    PortRow& row = rows[slots[i]];
    ports.row[i] = &row;
    ports.queue[i] = &row.occupancy[(columns.queue[i] >> kQueueShift) % kInlineQueues];
    ports.occupancy[i] = columns.queue[i] & kOccupancyMask;
  }
  ports.have_age = false;
}

#if defined(__x86_64__)

namespace {

/// Addresses of four rows.
HOPSCOPE_AVX2 inline __m256i rows_at(PortRow* rows, __m128i slots) noexcept {
  const __m256i offset =
      _mm256_mul_epu32(_mm256_cvtepu32_epi64(slots), four_times(sizeof(PortRow)));
  return _mm256_add_epi64(offset, four_times(reinterpret_cast<std::uintptr_t>(rows)));
}

/// Addresses of the places for queues in four rows.
HOPSCOPE_AVX2 inline __m256i queues_at(__m256i rows, __m128i places) noexcept {
  const __m256i offset = _mm256_slli_epi64(_mm256_cvtepu32_epi64(places), 2);
  return _mm256_add_epi64(_mm256_add_epi64(rows, offset), four_times(offsetof(PortRow, occupancy)));
}

/// Eight bytes of each of four rows: switch and age, what the tx utilization stays in, group, tick.
HOPSCOPE_AVX2 inline __m256i words_of(PortRow* const* row) noexcept {
  static_assert(offsetof(PortRow, age) == offsetof(PortRow, switch_row) + 2 &&
                offsetof(PortRow, tx_stays_in) == offsetof(PortRow, switch_row) + 4 &&
                offsetof(PortRow, group) == offsetof(PortRow, switch_row) + 6);
  const auto word = [row](unsigned i) HOPSCOPE_AVX2 {
    long long value = 0;
    std::memcpy(&value,
                reinterpret_cast<const std::uint8_t*>(row[i]) + offsetof(PortRow, switch_row),
                sizeof value);
    return value;
  };
  const __m128i low = _mm_insert_epi64(_mm_cvtsi64_si128(word(0)), word(1), 1);
  const __m128i high = _mm_insert_epi64(_mm_cvtsi64_si128(word(2)), word(3), 1);
  return _mm256_set_m128i(high, low);
}

/// Lower or upper halves (kSelect) of eight words.
template <int kSelect>
HOPSCOPE_AVX2 inline __m256i halves(__m256i low, __m256i high) noexcept {
  const __m256 mixed =
      _mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), kSelect);
  return _mm256_permute4x64_epi64(_mm256_castps_si256(mixed), 0xD8);
}
constexpr int kLower = 0x88;
constexpr int kUpper = 0xDD;

/// The intervals of the queues in their places of four rows, 16 bits each, in the lower half.
HOPSCOPE_AVX2 inline __m128i queue_intervals(PortRow* const* row, __m128i places) noexcept {
  const auto at0 = static_cast<unsigned>(_mm_cvtsi128_si32(places));
  const auto at1 = static_cast<unsigned>(_mm_extract_epi32(places, 1));
  const auto at2 = static_cast<unsigned>(_mm_extract_epi32(places, 2));
  const auto at3 = static_cast<unsigned>(_mm_extract_epi32(places, 3));
  __m128i intervals = _mm_cvtsi32_si128(row[0]->queue_stays_in[at0]);
  intervals = _mm_insert_epi16(intervals, row[1]->queue_stays_in[at1], 1);
  intervals = _mm_insert_epi16(intervals, row[2]->queue_stays_in[at2], 2);
  return _mm_insert_epi16(intervals, row[3]->queue_stays_in[at3], 3);
}

}  // namespace

HOPSCOPE_AVX2 bool stay_avx2(const PortRules& rules, PortRow* rows, const std::uint32_t* slots,
                             const HopColumns& columns, const ColumnPlan& plan, std::uint16_t age,
                             PortsOfStack& ports) noexcept {
  const bool has_many = plan.hops > 4;
  // All ones where there is none.
  const __m256i queue = load256(columns.queue.data());
  const __m256i id = _mm256_srli_epi32(queue, kQueueShift);
  const __m256i occupancy = low_bits<kQueueShift>(queue);
  const __m256i places = low_bits<3>(id);
  store256(ports.occupancy.data(), occupancy);
  const __m256i low_rows = rows_at(rows, load128(slots));
  store256(&ports.row[0], low_rows);
  store256(&ports.queue[0], queues_at(low_rows, _mm256_castsi256_si128(places)));
  const __m256i low_words = words_of(&ports.row[0]);
  const __m128i low_intervals = queue_intervals(&ports.row[0], _mm256_castsi256_si128(places));
  __m256i high_words = low_words;
  __m128i high_intervals = low_intervals;
  if (has_many) {
    const __m128i high_places = _mm256_extracti128_si256(places, 1);
    const __m256i high_rows = rows_at(rows, load128(slots + 4));
    store256(&ports.row[4], high_rows);
    store256(&ports.queue[4], queues_at(high_rows, high_places));
    high_words = words_of(&ports.row[4]);
    high_intervals = queue_intervals(&ports.row[4], high_places);
  }
  const __m256i live = load256(plan.live.data());
  const __m256i ages = _mm256_srli_epi32(halves<kLower>(low_words, high_words), 16);
  ports.have_age = _mm256_testc_si256(_mm256_cmpeq_epi32(ages, eight_times(age)), live) != 0;
  if (!plan.has_tx && !plan.has_queue) return false;
  const __m256i port = halves<kUpper>(low_words, high_words);
  __m256i good = _mm256_set1_epi32(-1);
  if (plan.has_tx) {
    good = stays(rules.tx_utilization, load256(columns.tx_utilization.data()), low_bits<16>(port));
  }
  if (plan.has_queue) {
    static_assert(kInlineQueues == 8);
    const __m256i group = _mm256_srli_epi32(_mm256_slli_epi32(port, 8), 24);
    const __m256i interval =
        _mm256_cvtepu16_epi32(_mm_unpacklo_epi64(low_intervals, high_intervals));
    good = _mm256_and_si256(good, _mm256_cmpeq_epi32(group, _mm256_srli_epi32(id, 3)));
    good = _mm256_and_si256(good, stays(rules.occupancy, occupancy, interval));
  }
  return _mm256_testc_si256(good, live) != 0;
}

#endif

}  // namespace hopscope::pipeline
