#include "pipeline/port_columns.h"

#include <cstddef>
#include <cstring>

#include "pipeline/lanes_avx2.h"

namespace hopscope::pipeline {

void find_ports(PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
                const ColumnPlan& plan, PortsOfStack& ports) noexcept {
  for (unsigned i = 0; i < plan.hops; ++i) {
    PortRow& row = rows[slots[i]];
    ports.row[i] = &row;
    ports.queue[i] = &row.occupancy[(columns.queue[i] >> kQueueShift) % kInlineQueues];
  }
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

/// What four rows have for their tx utilization, and in the places of queues.
struct FourRows {
  __m128i port;            ///< port_word() of each
  __m128i queue_interval;  ///< 16 bits each, in the lower half
};

/// tx_stays_in in the lower half, above it the group, above that the tick.
inline int port_word(const PortRow* row) noexcept {
  static_assert(offsetof(PortRow, group) == offsetof(PortRow, tx_stays_in) + 2);
  int word = 0;
  std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(row) + offsetof(PortRow, tx_stays_in),
              sizeof word);
  return word;
}

HOPSCOPE_AVX2 inline FourRows read(PortRow* const* row, __m128i places) noexcept {
  const auto at0 = static_cast<unsigned>(_mm_cvtsi128_si32(places));
  const auto at1 = static_cast<unsigned>(_mm_extract_epi32(places, 1));
  const auto at2 = static_cast<unsigned>(_mm_extract_epi32(places, 2));
  const auto at3 = static_cast<unsigned>(_mm_extract_epi32(places, 3));
  FourRows rows;
  rows.port = _mm_cvtsi32_si128(port_word(row[0]));
  rows.port = _mm_insert_epi32(rows.port, port_word(row[1]), 1);
  rows.port = _mm_insert_epi32(rows.port, port_word(row[2]), 2);
  rows.port = _mm_insert_epi32(rows.port, port_word(row[3]), 3);
  rows.queue_interval = _mm_cvtsi32_si128(row[0]->queue_stays_in[at0]);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[1]->queue_stays_in[at1], 1);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[2]->queue_stays_in[at2], 2);
  rows.queue_interval = _mm_insert_epi16(rows.queue_interval, row[3]->queue_stays_in[at3], 3);
  return rows;
}

}  // namespace

HOPSCOPE_AVX2 bool stay_avx2(const PortRules& rules, PortRow* rows, const std::uint32_t* slots,
                             const HopColumns& columns, const ColumnPlan& plan,
                             PortsOfStack& ports) noexcept {
  const bool has_many = plan.hops > 4;
  // All ones where there is none.
  const __m256i queue = load256(columns.queue.data());
  const __m256i id = _mm256_srli_epi32(queue, kQueueShift);
  const __m256i places = low_bits<3>(id);
  const __m256i low_rows = rows_at(rows, load128(slots));
  store256(&ports.row[0], low_rows);
  store256(&ports.queue[0], queues_at(low_rows, _mm256_castsi256_si128(places)));
  const FourRows low = read(&ports.row[0], _mm256_castsi256_si128(places));
  FourRows high = low;
  if (has_many) {
    const __m128i high_places = _mm256_extracti128_si256(places, 1);
    const __m256i high_rows = rows_at(rows, load128(slots + 4));
    store256(&ports.row[4], high_rows);
    store256(&ports.queue[4], queues_at(high_rows, high_places));
    high = read(&ports.row[4], high_places);
  }
  if (!plan.has_tx && !plan.has_queue) return false;
  const __m256i port = _mm256_set_m128i(high.port, low.port);
  __m256i good = _mm256_set1_epi32(-1);
  if (plan.has_tx) {
    good = stays(rules.tx_utilization, load256(columns.tx_utilization.data()), low_bits<16>(port));
  }
  if (plan.has_queue) {
    static_assert(kInlineQueues == 8);
    const __m256i group = _mm256_srli_epi32(_mm256_slli_epi32(port, 8), 24);
    const __m256i interval =
        _mm256_cvtepu16_epi32(_mm_unpacklo_epi64(low.queue_interval, high.queue_interval));
    good = _mm256_and_si256(good, _mm256_cmpeq_epi32(group, _mm256_srli_epi32(id, 3)));
    good = _mm256_and_si256(good, stays(rules.occupancy, low_bits<kQueueShift>(queue), interval));
  }
  return _mm256_testc_si256(good, load256(plan.live.data())) != 0;
}

#endif

}  // namespace hopscope::pipeline
