#include "pipeline/port_columns.h"

#include <cstddef>

#include "pipeline/lanes_avx2.h"

namespace hopscope::pipeline {
namespace {

bool stay_scalar(PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
                 const ColumnPlan& plan, PortsOfStack& ports) noexcept {
  for (unsigned i = 0; i < kMaxHops; ++i) ports[i] = rows + slots[i];
  bool stay = plan.has_tx || plan.has_queue;
  for (unsigned i = 0; i < plan.hops; ++i) {
    const PortRow& row = *ports[i];
    stay = stay && (!plan.has_tx || row.tx_stays.holds(columns.tx_utilization[i])) &&
           (!plan.has_queue || row.queue_stays.holds(columns.queue[i]));
  }
  return stay;
}

#if defined(__x86_64__)

static_assert(offsetof(PortRow, queue_stays) == offsetof(PortRow, tx_stays) + 8);

HOPSCOPE_AVX2 inline __m256i is_within(__m256i low, __m256i word, __m256i high) noexcept {
  return _mm256_cmpeq_epi32(_mm256_min_epu32(_mm256_max_epu32(word, low), high), word);
}

/// Both ranges of four rows, as columns of their bounds.
HOPSCOPE_AVX2 inline void read_ranges(PortRow* const* row, __m128i* bound) noexcept {
  const __m128i ranges[4] = {load128(&row[0]->tx_stays), load128(&row[1]->tx_stays),
                             load128(&row[2]->tx_stays), load128(&row[3]->tx_stays)};
  transpose(ranges, bound);
}

/// Addresses of four rows.
HOPSCOPE_AVX2 inline __m256i rows_at(PortRow* rows, __m128i slots) noexcept {
  const __m256i offset =
      _mm256_mul_epu32(_mm256_cvtepu32_epi64(slots), four_times(sizeof(PortRow)));
  return _mm256_add_epi64(offset, four_times(reinterpret_cast<std::uintptr_t>(rows)));
}

HOPSCOPE_AVX2 bool stay_avx2(PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
                             const ColumnPlan& plan, PortsOfStack& ports) noexcept {
  store256(&ports[0], rows_at(rows, load128(slots)));
  if (plan.hops > 4) store256(&ports[4], rows_at(rows, load128(slots + 4)));
  if (!plan.has_tx && !plan.has_queue) return false;
  __m128i first[4];
  __m128i further[4] = {};
  read_ranges(&ports[0], first);
  if (plan.hops > 4) read_ranges(&ports[4], further);
  __m256i good = _mm256_set1_epi32(-1);
  if (plan.has_tx) {
    good = is_within(_mm256_set_m128i(further[0], first[0]), load256(columns.tx_utilization.data()),
                     _mm256_set_m128i(further[1], first[1]));
  }
  if (plan.has_queue) {
    const __m256i queues =
        is_within(_mm256_set_m128i(further[2], first[2]), load256(columns.queue.data()),
                  _mm256_set_m128i(further[3], first[3]));
    good = _mm256_and_si256(good, queues);
  }
  return _mm256_testc_si256(good, load256(plan.live.data())) != 0;
}

#endif

}  // namespace

StayAtPorts port_comparer(InstructionSet set) noexcept {
#if defined(__x86_64__)
  if (set != InstructionSet::kScalar) return stay_avx2;
#endif
  (void)set;
  return stay_scalar;
}

}  // namespace hopscope::pipeline
