#include "pipeline/hop_columns.h"

#include <algorithm>

#include "pipeline/wire.h"

#if defined(__x86_64__)
// GCC 12's own header reads registers whose content does not matter.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#endif

namespace hopscope::pipeline {
namespace {

constexpr std::uint32_t kNone = 0xFFFF'FFFF;

/// Reads one column; what `ones` collects is all ones where a word was.
template <typename Column>
void read_column(const StackJob& job, bool present, std::uint16_t at, std::uint32_t mask,
                 Column& column, bool& has_ones) noexcept {
  if (!present) {
    column.fill(kNone);
    return;
  }
  const std::uint8_t* word = job.stack + at;
  for (unsigned i = 0; i < job.plan->hops; ++i, word += job.plan->hop_bytes) {
    const std::uint32_t value = be32(word);
    has_ones = has_ones || value == kNone;
    column[i] = value & mask;
  }
}

/// A port that reads like that of a hop without one.
constexpr std::uint32_t kPortLikeNone = 0xFFFF;

std::uint64_t scale(std::uint64_t raw, std::uint64_t factor) noexcept {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(raw) * factor) >> 16);
}

/// What the sink sends as latency may be its clock (see HopReader).
bool is_clock(const LatencyRule& rule, const StackJob& job) noexcept {
  const ColumnPlan& plan = *job.plan;
  if (!plan.check_egress_time) return false;
  const std::uint64_t time = be64(job.stack + plan.egress_time_at);
  const std::uint32_t latency = be32(job.stack + plan.latency_at);
  return time != ~0ULL && scale(latency, rule.to_ns) >= scale(time, rule.time_to_ns);
}

void read_scalar(const LatencyRule& rule, const StackJob* jobs, std::size_t count,
                 StackResult* results) noexcept {
  for (std::size_t n = 0; n < count; ++n) {
    const StackJob& job = jobs[n];
    const ColumnPlan& plan = *job.plan;
    StackResult& result = results[n];
    HopColumns& columns = result.columns;
    bool has_ones = false;
    read_column(job, true, plan.switch_at, kNone, columns.switch_id, has_ones);
    read_column(job, plan.has_latency, plan.latency_at, kNone, columns.latency, has_ones);
    read_column(job, plan.has_port, plan.port_at, plan.port_mask, columns.port, has_ones);
    read_column(job, plan.has_queue, plan.queue_at, kNone, columns.queue, has_ones);
    read_column(job, plan.has_tx, plan.tx_at, kNone, columns.tx_utilization, has_ones);
    read_column(job, plan.has_congestion, plan.congestion_at, kNone, columns.congestion, has_ones);
    bool is_regular = !has_ones && job.path.switch_id != nullptr && !is_clock(rule, job);
    std::uint64_t latency_ns = 0;
    for (unsigned i = 0; i < plan.hops && is_regular; ++i) {
      is_regular = columns.switch_id[i] == job.path.switch_id[i] &&
                   static_cast<std::uint16_t>(columns.port[i]) == job.path.egress_port[i] &&
                   !(plan.has_port && columns.port[i] == kPortLikeNone);
      if (!plan.has_latency) continue;
      const Interval interval = job.path.interval[i];
      is_regular = is_regular && interval != kNoInterval &&
                   !(rule.rule.enabled() && rule.rule.left(columns.latency[i], interval));
      latency_ns += scale(columns.latency[i], rule.to_ns);
    }
    result.latency_ns = latency_ns;
    result.is_regular = is_regular;
  }
}

bool equal_scalar(const std::uint8_t* bytes, const std::uint8_t* mask, const std::uint8_t* value,
                  std::size_t count) noexcept {
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
#define HOPSCOPE_AVX2 __attribute__((target("avx2")))

HOPSCOPE_AVX2 inline __m256i load256(const void* at) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

HOPSCOPE_AVX2 inline __m128i load128(const void* at) noexcept {
  return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

HOPSCOPE_AVX2 inline void store256(void* at, __m256i value) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(at), value);
}

HOPSCOPE_AVX2 inline __m256i four_times(std::uint64_t value) noexcept {
  return _mm256_set1_epi64x(static_cast<long long>(value));
}

/// (bytes & mask) ^ value
HOPSCOPE_AVX2 inline __m256i differ256(const std::uint8_t* bytes, const std::uint8_t* mask,
                                       const std::uint8_t* value) noexcept {
  return _mm256_xor_si256(_mm256_and_si256(load256(bytes), load256(mask)), load256(value));
}

HOPSCOPE_AVX2 bool equal_avx2(const std::uint8_t* bytes, const std::uint8_t* mask,
                              const std::uint8_t* value, std::size_t count) noexcept {
  if (count < 32) return equal_scalar(bytes, mask, value, count);
  const std::size_t tail = count - 32;
  __m256i different = differ256(bytes + tail, mask + tail, value + tail);
  for (std::size_t at = 0; at + 32 <= count; at += 32) {
    different = _mm256_or_si256(different, differ256(bytes + at, mask + at, value + at));
  }
  return _mm256_testz_si256(different, different) != 0;
}

/// Four hops from `first` on, as far as there are any, into a lane each of four columns.
HOPSCOPE_AVX2 inline void read_four(const StackJob& job, unsigned first, __m128i shuffle,
                                    __m128i absent, __m128i* column) noexcept {
  const ColumnPlan& plan = *job.plan;
  __m128i hop[4];
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned at = first + i;
    const auto* bytes = reinterpret_cast<const __m128i*>(job.stack + at * plan.hop_bytes);
    hop[i] = at < plan.hops
                 ? _mm_or_si128(_mm_shuffle_epi8(_mm_loadu_si128(bytes), shuffle), absent)
                 : _mm_setzero_si128();
  }
  const __m128i low01 = _mm_unpacklo_epi32(hop[0], hop[1]);
  const __m128i high01 = _mm_unpackhi_epi32(hop[0], hop[1]);
  const __m128i low23 = _mm_unpacklo_epi32(hop[2], hop[3]);
  const __m128i high23 = _mm_unpackhi_epi32(hop[2], hop[3]);
  column[0] = _mm_unpacklo_epi64(low01, low23);    // switch id
  column[1] = _mm_unpackhi_epi64(low01, low23);    // port
  column[2] = _mm_unpacklo_epi64(high01, high23);  // latency
  column[3] = _mm_unpackhi_epi64(high01, high23);  // queue
}

/// As read_avx512().
HOPSCOPE_AVX2 void read_avx2(const LatencyRule& rule, const StackJob* jobs, std::size_t count,
                             StackResult* results) noexcept {
  const __m256i width = four_times(rule.rule.width());
  const __m256i margin = four_times(rule.rule.margin());
  // Differences are small or, below the interval, negative.
  const __m256i last =
      four_times(rule.rule.enabled() ? rule.rule.width() + 2 * rule.rule.margin() - 1 : ~0ULL >> 1);
  const __m256i below = rule.rule.enabled() ? _mm256_set1_epi64x(-1) : _mm256_setzero_si256();
  const __m256i to_ns = four_times(rule.to_ns);
  const __m256i ones = _mm256_set1_epi32(-1);
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (std::size_t n = 0; n < count; ++n) {
    const StackJob& job = jobs[n];
    const ColumnPlan& plan = *job.plan;
    StackResult& result = results[n];
    if (!plan.fits_window) {
      read_scalar(rule, &job, 1, &result);
      continue;
    }
    const __m128i shuffle = _mm_load_si128(reinterpret_cast<const __m128i*>(plan.window.data()));
    const __m128i absent =
        _mm_load_si128(reinterpret_cast<const __m128i*>(plan.window_absent.data()));
    __m128i low[4];
    __m128i high[4] = {};
    read_four(job, 0, shuffle, absent, low);
    if (plan.hops > 4) read_four(job, 4, shuffle, absent, high);
    const __m256i switches = _mm256_set_m128i(high[0], low[0]);
    const __m256i ports = _mm256_set_m128i(high[1], low[1]);
    const __m256i latencies = _mm256_set_m128i(high[2], low[2]);
    const __m256i queues = _mm256_set_m128i(high[3], low[3]);
    const __m256i live = _mm256_cmpgt_epi32(_mm256_set1_epi32(plan.hops), lanes);
    __m256i bad = _mm256_cmpeq_epi32(switches, ones);
    if (plan.has_port) bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(ports, ones));
    if (plan.has_latency) bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(latencies, ones));
    if (plan.has_queue) bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(queues, ones));
    const __m256i masked_ports =
        plan.has_port ? _mm256_and_si256(ports, _mm256_set1_epi32(static_cast<int>(plan.port_mask)))
                      : ports;
    HopColumns& columns = result.columns;
    if (plan.has_port) {
      bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(masked_ports, _mm256_set1_epi32(0xFFFF)));
    }
    store256(columns.switch_id.data(), switches);
    store256(columns.port.data(), masked_ports);
    store256(columns.latency.data(), latencies);
    store256(columns.queue.data(), queues);
    bool has_ones = false;
    read_column(job, plan.has_tx, plan.tx_at, kNone, columns.tx_utilization, has_ones);
    read_column(job, plan.has_congestion, plan.congestion_at, kNone, columns.congestion, has_ones);
    result.is_regular = false;
    if (job.path.switch_id == nullptr || has_ones || is_clock(rule, job)) continue;

    const __m256i known = load256(job.path.switch_id);
    const __m256i known_ports = _mm256_cvtepu16_epi32(load128(job.path.egress_port));
    const __m256i same_switch = _mm256_cmpeq_epi32(known, switches);
    const __m256i same_port =
        _mm256_cmpeq_epi32(known_ports, _mm256_and_si256(masked_ports, _mm256_set1_epi32(0xFFFF)));
    const __m256i same = _mm256_and_si256(same_switch, same_port);
    bad = _mm256_or_si256(bad, _mm256_xor_si256(same, ones));
    if (plan.has_latency) {
      const __m128i interval = load128(job.path.interval);
      const __m256i interval32 = _mm256_cvtepu16_epi32(interval);
      bad = _mm256_or_si256(bad, _mm256_cmpgt_epi32(interval32, _mm256_set1_epi32(0xFFFD)));
      __m256i sum = _mm256_setzero_si256();
      for (int half = 0; half < 2; ++half) {
        const __m128i words = half == 0 ? low[2] : high[2];
        const __m128i four = half == 0 ? _mm256_castsi256_si128(interval32)
                                       : _mm256_extracti128_si256(interval32, 1);
        const __m128i alive =
            half == 0 ? _mm256_castsi256_si128(live) : _mm256_extracti128_si256(live, 1);
        const __m256i latency = _mm256_cvtepu32_epi64(words);
        const __m256i base = _mm256_mul_epu32(_mm256_cvtepu32_epi64(four), width);
        const __m256i above = _mm256_sub_epi64(_mm256_add_epi64(latency, margin), base);
        // The sign says below; where nothing is to be told it does not count.
        const __m256i moved =
            _mm256_or_si256(_mm256_cmpgt_epi64(above, last), _mm256_and_si256(above, below));
        const __m256i alive64 = _mm256_cvtepi32_epi64(alive);
        if (_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_and_si256(moved, alive64))) != 0) {
          bad = ones;
        }
        const __m256i ns = _mm256_srli_epi64(_mm256_mul_epu32(latency, to_ns), 16);
        sum = _mm256_add_epi64(sum, _mm256_and_si256(ns, alive64));
      }
      const __m128i two =
          _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
      result.latency_ns = static_cast<std::uint64_t>(_mm_cvtsi128_si64(two)) +
                          static_cast<std::uint64_t>(_mm_extract_epi64(two, 1));
    } else {
      result.latency_ns = 0;
    }
    result.is_regular = _mm256_testz_si256(bad, live) != 0;
  }
}

#define HOPSCOPE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,bmi2")))

HOPSCOPE_AVX512 bool equal_avx512(const std::uint8_t* bytes, const std::uint8_t* mask,
                                  const std::uint8_t* value, std::size_t count) noexcept {
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

/// Rules of one fixed width, units that fit 32 bits, stacks of up to 64 words; the others go the
/// scalar way.
HOPSCOPE_AVX512 void read_avx512(const LatencyRule& rule, const StackJob* jobs, std::size_t count,
                                 StackResult* results) noexcept {
  const __m512i swap =
      _mm512_broadcast_i32x4(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  const __m512i ones = _mm512_set1_epi32(-1);
  const __m512i width = _mm512_set1_epi64(static_cast<long long>(rule.rule.width()));
  const __m512i margin = _mm512_set1_epi64(static_cast<long long>(rule.rule.margin()));
  const __m512i span = _mm512_set1_epi64(
      rule.rule.enabled() ? static_cast<long long>(rule.rule.width() + 2 * rule.rule.margin())
                          : -1);
  const __m512i to_ns = _mm512_set1_epi64(static_cast<long long>(rule.to_ns));
  const __m512i top = _mm512_set1_epi64(0xFFFE);
  for (std::size_t n = 0; n < count; ++n) {
    const StackJob& job = jobs[n];
    const ColumnPlan& plan = *job.plan;
    StackResult& result = results[n];
    if (!plan.fits_registers) {
      read_scalar(rule, &job, 1, &result);
      continue;
    }
    __m512i words[4];
    for (int i = 0; i < 4; ++i) {
      words[i] = _mm512_shuffle_epi8(
          _mm512_maskz_loadu_epi8(plan.load[static_cast<std::size_t>(i)], job.stack + 64 * i),
          swap);
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
    column[1] = _mm512_and_si512(
        column[1], _mm512_mask_set1_epi32(
                       ones, 0x00FF, static_cast<int>(plan.has_port ? plan.port_mask : kNone)));
    if (plan.has_port) {
      has_ones |= _mm512_mask_cmpeq_epi32_mask(0x00FF, column[1], _mm512_set1_epi32(0xFFFF));
    }
    _mm512_store_si512(result.columns.switch_id.data(), column[0]);
    _mm512_store_si512(result.columns.port.data(), column[1]);
    _mm512_store_si512(result.columns.tx_utilization.data(), column[2]);
    result.is_regular = false;
    if (job.path.switch_id == nullptr) continue;

    const auto hops = static_cast<__mmask8>(_bzhi_u32(0xFF, plan.hops));
    const __m256i switches =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(job.path.switch_id));
    const __m128i ports = _mm_loadu_si128(reinterpret_cast<const __m128i*>(job.path.egress_port));
    const __m128i intervals = _mm_loadu_si128(reinterpret_cast<const __m128i*>(job.path.interval));
    const unsigned other_switch =
        _mm256_mask_cmpneq_epi32_mask(hops, _mm512_castsi512_si256(column[0]), switches);
    const unsigned other_port = _mm_mask_cmpneq_epi16_mask(
        hops, _mm256_cvtepi32_epi16(_mm512_castsi512_si256(column[1])), ports);
    unsigned moved = 0;
    std::uint64_t latency_ns = 0;
    if (plan.has_latency) {
      const __m512i latency = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(column[0], 1));
      const __m512i interval = _mm512_cvtepu16_epi64(intervals);
      const __m512i base = _mm512_mul_epu32(interval, width);
      const __m512i above = _mm512_sub_epi64(_mm512_add_epi64(latency, margin), base);
      moved = _mm512_mask_cmpge_epu64_mask(hops, above, span) |
              _mm512_mask_cmpge_epu64_mask(hops, interval, top);
      const __m512i ns = _mm512_srli_epi64(_mm512_mul_epu32(latency, to_ns), 16);
      latency_ns = static_cast<std::uint64_t>(_mm512_mask_reduce_add_epi64(hops, ns));
    }
    result.latency_ns = latency_ns;
    result.is_regular = (other_switch | other_port | moved | has_ones) == 0 && !is_clock(rule, job);
  }
}
#endif

}  // namespace

bool make_column_plan(const IntStack& stack, ColumnPlan& plan) noexcept {
  const HopPlan hop = make_hop_plan(stack.bitmap, stack.layout);
  const auto has = [&hop](Field field) { return (hop.present & bit(field)) != 0; };
  const auto offset = [&hop](Field field) { return hop.offset[static_cast<std::size_t>(field)]; };
  plan = ColumnPlan{};
  plan.hops = static_cast<std::uint8_t>(stack.hop_count);
  plan.hop_bytes = stack.hop_bytes;
  const bool from_times =
      !has(Field::kHopLatency) && has(Field::kIngressTime) && has(Field::kEgressTime);
  if (stack.hop_count > kMaxHops || !has(Field::kNodeId) || hop.plain_queue || from_times) {
    return false;
  }
  plan.switch_at = offset(Field::kNodeId);
  plan.has_port = has(Field::kL1Ports) || has(Field::kL2Ports);
  if (has(Field::kL1Ports)) {
    plan.port_at = offset(Field::kL1Ports);
    plan.port_mask = 0xFFFF;
  } else if (has(Field::kL2Ports)) {
    plan.port_at = static_cast<std::uint16_t>(offset(Field::kL2Ports) + (hop.narrow_l2 ? 0 : 4));
    plan.port_mask = hop.narrow_l2 ? 0xFFFF : kNone;
    // Absent only where both its words are all ones, which one column cannot tell.
    if (!hop.narrow_l2) return false;
  }
  plan.has_latency = has(Field::kHopLatency);
  plan.latency_at = offset(Field::kHopLatency);
  plan.has_queue = has(Field::kQueue);
  plan.queue_at = offset(Field::kQueue);
  plan.has_tx = has(Field::kTxUtilization);
  plan.tx_at = offset(Field::kTxUtilization);
  plan.has_congestion = has(Field::kQueueCongestion);
  plan.congestion_at = offset(Field::kQueueCongestion);
  plan.check_egress_time = plan.has_latency && hop.wide_times && has(Field::kEgressTime);
  plan.egress_time_at = offset(Field::kEgressTime);

  const std::size_t bytes = std::size_t{stack.hop_count} * stack.hop_bytes;
  plan.fits_registers = bytes <= 256;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t here = bytes > 64 * i ? std::min<std::size_t>(64, bytes - 64 * i) : 0;
    plan.load[i] = here == 64 ? ~0ULL : (1ULL << here) - 1;
  }
  // Bits 0 to 3 come first and are a word each.
  plan.fits_window = plan.hop_bytes >= 16 && (!plan.has_port || plan.port_mask == 0xFFFF) &&
                     (!plan.has_port || has(Field::kL1Ports));
  const auto take_word = [&plan](std::size_t lane, bool present, std::uint16_t at) {
    plan.window_absent[lane] = present ? 0 : kNone;
    for (std::size_t i = 0; i < 4; ++i) {
      // Big endian; 0x80 takes nothing.
      plan.window[4 * lane + i] = static_cast<std::uint8_t>(present ? at + 3 - i : 0x80);
    }
  };
  take_word(0, true, plan.switch_at);
  take_word(1, plan.has_port, plan.port_at);
  take_word(2, plan.has_latency, plan.latency_at);
  take_word(3, plan.has_queue, plan.queue_at);
  const auto place = [&plan](std::size_t pair, unsigned half, bool present, std::uint16_t at) {
    if (!present) return;
    ColumnPlan::Pair& to = plan.pairs[pair];
    for (unsigned i = 0; i < plan.hops; ++i) {
      const unsigned lane = half * kMaxHops + i;
      const auto word = static_cast<std::uint32_t>((i * plan.hop_bytes + at) / 4);
      to.word[lane] = word % 32;
      to.live = static_cast<std::uint16_t>(to.live | 1U << lane);
      if (word >= 32) to.upper = static_cast<std::uint16_t>(to.upper | 1U << lane);
    }
  };
  place(0, 0, true, plan.switch_at);
  place(0, 1, plan.has_latency, plan.latency_at);
  place(1, 0, plan.has_port, plan.port_at);
  place(1, 1, plan.has_queue, plan.queue_at);
  place(2, 0, plan.has_tx, plan.tx_at);
  place(2, 1, plan.has_congestion, plan.congestion_at);
  return true;
}

namespace {

/// The vector reader for that rule; null: it needs the scalar one.
ReadStacks vector_reader(InstructionSet set, const LatencyRule& rule) noexcept {
#if defined(__x86_64__)
  constexpr std::uint64_t kHalf = 0xFFFF'FFFF;
  const bool fits = rule.rule.has_fixed_width() && rule.to_ns <= kHalf &&
                    rule.rule.width() <= kHalf && rule.rule.margin() <= kHalf;
  if (fits && set == InstructionSet::kAvx512) return read_avx512;
  if (fits && set == InstructionSet::kAvx2) return read_avx2;
#endif
  (void)set;
  (void)rule;
  return nullptr;
}

}  // namespace

ReadStacks stack_reader(InstructionSet set, const LatencyRule& rule) noexcept {
  const ReadStacks reader = vector_reader(set, rule);
  return reader != nullptr ? reader : read_scalar;
}

IsEqual header_comparer(InstructionSet set) noexcept {
#if defined(__x86_64__)
  if (set == InstructionSet::kAvx512) return equal_avx512;
  if (set == InstructionSet::kAvx2) return equal_avx2;
#endif
  (void)set;
  return equal_scalar;
}

}  // namespace hopscope::pipeline
