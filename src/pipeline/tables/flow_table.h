#pragma once
// Fixed-capacity hash table of flow records: buckets of one cache line (8 x tag, age, index), two
// choices per key, first choice preferred. Never grows, never rehashes, never stops: expiry sweeps
// a few buckets at a time. One writer; readers walk records() and never look at the buckets.

#include <bit>
#include <cstdint>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/assert.h"
#include "base/fixed_array.h"
#include "base/prefetch.h"
#include "pipeline/events/options.h"
#include "pipeline/report/hash.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/flow_record.h"

namespace hopscope::pipeline {

/// Where a flow's record is, of whatever table, until that table's places_changed() says another
/// number.
struct FlowPlace {
  void* record = nullptr;
  std::uint16_t* age = nullptr;  ///< in its bucket

  [[nodiscard]] bool is_known() const noexcept { return record != nullptr; }
};

template <typename Key>
class FlowTable {
 public:
  using Record = FlowRecord<Key>;

  struct Statistics {
    std::uint64_t entries = 0;
    std::uint64_t refused = 0;
    std::uint64_t evicted = 0;
    std::uint64_t expired = 0;
  };

  FlowTable(std::uint32_t capacity, FullPolicy when_full, std::uint32_t idle_timeout_s)
      : buckets_(bucket_count(capacity)),
        records_(capacity),
        free_(capacity),
        mask_(static_cast<std::uint32_t>(buckets_.size() - 1)),
        when_full_(when_full),
        idle_timeout_s_(idle_timeout_s) {
    for (std::uint32_t i = 0; i < capacity; ++i) free_[i] = capacity - 1 - i;
    free_count_ = capacity;
  }

  /// The record of `key`, or null. Marks it as seen at `now_s`.
  [[nodiscard]] Record* find(const Key& key, std::uint64_t hash, std::uint32_t now_s) noexcept {
    const std::uint16_t tag = tag_of(hash);
    std::uint32_t at = home(hash);
    for (int choice = 0; choice < 2; ++choice, at = other(at, tag)) {
      Bucket& bucket = buckets_[at];
      for (unsigned slot = 0; slot < kSlots; ++slot) {
        if (bucket.tag[slot] != tag) continue;
        Record& record = records_[bucket.record[slot]];
        if (!(record.key == key)) continue;
        const auto age = static_cast<std::uint16_t>(now_s);
        if (bucket.age[slot] != age) bucket.age[slot] = age;
        return &record;
      }
    }
    return nullptr;
  }

  /// The record that find() would look at first, if its key is right; prefetches it. Not
  /// known: none, or one that was idle for so long that it may have expired.
  [[nodiscard]] FlowPlace probe(std::uint64_t hash, std::uint32_t now_s) noexcept {
    const std::uint16_t tag = tag_of(hash);
    std::uint32_t at = home(hash);
    int slot = slot_of(buckets_[at], tag);
    if (slot < 0) [[unlikely]] {
      at = other(at, tag);
      slot = slot_of(buckets_[at], tag);
      if (slot < 0) return {};
    }
    Bucket& bucket = buckets_[at];
    std::uint16_t& age = bucket.age[slot];
    if (age != static_cast<std::uint16_t>(now_s) && seconds_since(age, now_s) >= idle_timeout_s_)
        [[unlikely]] {
      return {};
    }
    Record& record = records_[bucket.record[slot]];
    const auto* lines = reinterpret_cast<const char*>(&record);
    for (std::size_t line = 0; line < sizeof(Record); line += kCacheLine) {
      prefetch_to_write(lines + line);
    }
    return {.record = &record, .age = &age};
  }

  [[nodiscard]] static Record& record(const FlowPlace& place) noexcept {
    HOPSCOPE_ASSERT(place.is_known());
    return *static_cast<Record*>(place.record);
  }
  /// Marks the record there as seen at `now_s`.
  static void touch(const FlowPlace& place, std::uint32_t now_s) noexcept {
    HOPSCOPE_ASSERT(place.is_known());
    if (*place.age != static_cast<std::uint16_t>(now_s)) [[unlikely]]
      *place.age = static_cast<std::uint16_t>(now_s);
  }

  [[nodiscard]] std::uint64_t places_changed() const noexcept { return places_changed_; }

  [[nodiscard]] Record& record(std::uint32_t index) noexcept { return records_[index]; }
  [[nodiscard]] const Record& record(std::uint32_t index) const noexcept { return records_[index]; }

  /// A record for a key that find() did not know: zeroed but for flags and key. Null: the table is
  /// full and its policy, or the want of a candidate, refuses the key.
  [[nodiscard]] Record* insert(const Key& key, std::uint64_t hash, std::uint32_t now_s) noexcept {
    const std::uint16_t tag = tag_of(hash);
    const std::uint32_t first = home(hash);
    if (free_count_ == 0 && !make_room(first, other(first, tag), now_s)) {
      ++statistics_.refused;
      return nullptr;
    }
    HOPSCOPE_ASSERT(free_count_ > 0);
    const std::uint32_t index = free_[--free_count_];
    HOPSCOPE_ASSERT(index < records_.size());
    HOPSCOPE_ASSERT((records_[index].flags & Record::kUsed) == 0);
    if (!place({.tag = tag, .age = static_cast<std::uint16_t>(now_s), .record = index}, first)) {
      free_[free_count_++] = index;
      ++statistics_.refused;
      return nullptr;
    }
    Record& record = records_[index];
    Record fresh{};
    fresh.flags = Record::kUsed;
    fresh.key = key;
    fresh.latency_interval = kNoInterval;
    {
      const RowWriter writer(record.sequence);
      put_row(record, fresh);
    }
    if (index >= used_end_.get()) used_end_.set(index + 1);
    ++statistics_.entries;
    ++places_changed_;
    return &record;
  }

  /// Looks at `buckets` further buckets and forgets the flows that were idle for too long.
  void sweep(std::uint32_t buckets, std::uint32_t now_s) noexcept {
    for (std::uint32_t i = 0; i < buckets; ++i, sweep_at_ = (sweep_at_ + 1) & mask_) {
      Bucket& bucket = buckets_[sweep_at_];
      for (unsigned slot = 0; slot < kSlots; ++slot) {
        if (bucket.tag[slot] == 0 || seconds_since(bucket.age[slot], now_s) < idle_timeout_s_)
          continue;
        forget(bucket, slot);
        ++statistics_.expired;
      }
    }
  }

  /// Prefetches what find() and probe() will touch first.
  void prefetch(std::uint64_t hash) const noexcept { hopscope::prefetch(&buckets_[home(hash)]); }

  [[nodiscard]] std::uint32_t bucket_count() const noexcept { return mask_ + 1; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return records_.size(); }
  [[nodiscard]] const Statistics& statistics() const noexcept { return statistics_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return buckets_.bytes() + records_.bytes() + free_.bytes();
  }

  /// For the exporter: calls visit(copy, index) for every record in use. Any thread.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    Record copy;
    const std::uint64_t end = used_end_.get();
    for (std::uint64_t i = 0; i < end; ++i) {
      if (read(i, copy)) visit(copy, i);
    }
  }
  /// Copies the record at an index that for_each() told. False: it is not in use. Any thread.
  [[nodiscard]] bool read(std::uint64_t index, Record& copy) const {
    return index < used_end_.get() && read_row(records_[index], copy) &&
           (copy.flags & Record::kUsed) != 0;
  }

 private:
  static constexpr unsigned kSlots = 8;
  static constexpr int kMaxMoves = 128;

  struct alignas(kCacheLine) Bucket {
    std::uint16_t tag[kSlots];  ///< 0: free
    std::uint16_t age[kSlots];  ///< low bits of the second it was last seen in
    std::uint32_t record[kSlots];
  };
  static_assert(sizeof(Bucket) == kCacheLine);

  struct Entry {
    std::uint16_t tag;
    std::uint16_t age;
    std::uint32_t record;
  };

  /// At most 80% full, so that two choices nearly always suffice.
  static std::uint32_t bucket_count(std::uint32_t capacity) noexcept {
    return std::bit_ceil(capacity / kSlots * 5 / 4 + 1);
  }
  static std::uint16_t tag_of(std::uint64_t hash) noexcept {
    const auto tag = static_cast<std::uint16_t>(hash >> 48);
    return tag == 0 ? std::uint16_t{1} : tag;
  }
  [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash) & mask_;
  }
  /// The other bucket of an entry; its own inverse.
  [[nodiscard]] std::uint32_t other(std::uint32_t at, std::uint16_t tag) const noexcept {
    return (at ^ (tag * 0x5BD1'E995U)) & mask_;
  }
  void forget(Bucket& bucket, unsigned slot) noexcept {
    HOPSCOPE_ASSERT(slot < kSlots && bucket.tag[slot] != 0);
    HOPSCOPE_ASSERT(free_count_ < free_.size());
    Record& record = records_[bucket.record[slot]];
    {
      const RowWriter writer(record.sequence);
      put(record.flags, 0);
    }
    free_[free_count_++] = bucket.record[slot];
    bucket.tag[slot] = 0;
    --statistics_.entries;
    ++places_changed_;
  }

  /// By policy, forgets the idlest flow of the two buckets.
  bool make_room(std::uint32_t first, std::uint32_t second, std::uint32_t now_s) noexcept {
    if (when_full_ == FullPolicy::kRefuse) return false;
    Bucket* oldest = nullptr;
    unsigned oldest_slot = 0;
    std::uint32_t longest = 0;
    for (const std::uint32_t at : {first, second}) {
      for (unsigned slot = 0; slot < kSlots; ++slot) {
        Bucket& bucket = buckets_[at];
        if (bucket.tag[slot] == 0) continue;
        const std::uint32_t idle = seconds_since(bucket.age[slot], now_s);
        if (oldest != nullptr && idle <= longest) continue;
        oldest = &bucket;
        oldest_slot = slot;
        longest = idle;
      }
    }
    if (oldest == nullptr) return false;
    forget(*oldest, oldest_slot);
    ++statistics_.evicted;
    return true;
  }

  /// The first slot with that tag; -1: none.
  static int slot_of(const Bucket& bucket, std::uint16_t tag) noexcept {
#if defined(__SSE2__)
    const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tag));
    const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<short>(tag)));
    const int mask = _mm_movemask_epi8(equal);
    return mask == 0 ? -1 : __builtin_ctz(static_cast<unsigned>(mask)) / 2;
#else
    for (int slot = 0; slot < static_cast<int>(kSlots); ++slot) {
      if (bucket.tag[slot] == tag) return slot;
    }
    return -1;
#endif
  }

  static bool put_into(Bucket& bucket, const Entry& entry) noexcept {
    HOPSCOPE_ASSERT(entry.tag != 0);
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if (bucket.tag[slot] != 0) continue;
      bucket.tag[slot] = entry.tag;
      bucket.age[slot] = entry.age;
      bucket.record[slot] = entry.record;
      return true;
    }
    return false;
  }

  /// Finds a slot for the entry, moving others to their second bucket where both of its own are
  /// full. False after kMaxMoves; then every entry is back where it was.
  bool place(Entry entry, std::uint32_t at) noexcept {
    if (put_into(buckets_[at], entry)) return true;
    at = other(at, entry.tag);
    struct Move {
      std::uint32_t bucket;
      unsigned slot;
    };
    Move moves[kMaxMoves];
    int count = 0;
    while (!put_into(buckets_[at], entry)) {
      if (count == kMaxMoves) {
        while (count > 0) {
          --count;
          exchange(buckets_[moves[count].bucket], moves[count].slot, entry);
        }
        return false;
      }
      const unsigned slot = (at + static_cast<unsigned>(count)) % kSlots;
      exchange(buckets_[at], slot, entry);
      moves[count++] = {.bucket = at, .slot = slot};
      at = other(at, entry.tag);
    }
    return true;
  }

  static void exchange(Bucket& bucket, unsigned slot, Entry& entry) noexcept {
    std::swap(bucket.tag[slot], entry.tag);
    std::swap(bucket.age[slot], entry.age);
    std::swap(bucket.record[slot], entry.record);
  }

  FixedArray<Bucket> buckets_;
  FixedArray<Record> records_;
  FixedArray<std::uint32_t> free_;  ///< stack of free records
  std::uint32_t free_count_ = 0;
  std::uint32_t mask_;
  std::uint32_t sweep_at_ = 0;
  std::uint64_t places_changed_ = 0;
  FullPolicy when_full_;
  std::uint32_t idle_timeout_s_;
  Counter used_end_;  ///< no record at or beyond was ever used
  Statistics statistics_;
};

}  // namespace hopscope::pipeline
