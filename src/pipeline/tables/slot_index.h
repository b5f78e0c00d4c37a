#pragma once
// Fixed-capacity map from a 64-bit key to a row number: ports, queues, switches and the like. Row
// numbers of keys that are erased are handed out again. Open addressing at half load.

#include <bit>
#include <cstdint>

#include "base/assert.h"
#include "base/fixed_array.h"
#include "pipeline/report/hash.h"

namespace hopscope::pipeline {

class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  explicit SlotIndex(std::uint32_t capacity)
      : entries_(std::bit_ceil(std::uint64_t{capacity} * 2 + 1)),
        free_(capacity),
        mask_(static_cast<std::uint32_t>(entries_.size() - 1)),
        capacity_(capacity) {}

  struct Found {
    std::uint32_t row;  ///< kNone: the map is full and does not know the key
    bool is_new;
  };

  [[nodiscard]] Found find_or_add(std::uint64_t key, const HashSeed& seed) noexcept {
    std::uint32_t at = home(key, seed);
    for (;; at = (at + 1) & mask_) {
      Entry& entry = entries_[at];
      if (entry.row_plus_one == 0) break;
      if (entry.key == key) return {.row = entry.row_plus_one - 1, .is_new = false};
    }
    if (free_count_ == 0 && used_end_ == capacity_) return {.row = kNone, .is_new = false};
    const std::uint32_t row = free_count_ != 0 ? free_[--free_count_] : used_end_++;
    HOPSCOPE_ASSERT(row < capacity_ && size_ < capacity_);
    entries_[at] = {.key = key, .row_plus_one = row + 1};
    ++size_;
    return {.row = row, .is_new = true};
  }

  /// Removes a key, if it is there; its row number is free then.
  void erase(std::uint64_t key, const HashSeed& seed) noexcept {
    std::uint32_t at = home(key, seed);
    while (entries_[at].row_plus_one == 0 || entries_[at].key != key) {
      if (entries_[at].row_plus_one == 0) return;
      at = (at + 1) & mask_;
    }
    HOPSCOPE_ASSERT(size_ > 0 && free_count_ < capacity_);
    free_[free_count_++] = entries_[at].row_plus_one - 1;
    --size_;
    // Later entries of the probe sequence that the gap would hide move into it.
    for (std::uint32_t next = (at + 1) & mask_; entries_[next].row_plus_one != 0;
         next = (next + 1) & mask_) {
      const std::uint32_t wanted = home(entries_[next].key, seed);
      if (((next - wanted) & mask_) < ((next - at) & mask_)) continue;
      entries_[at] = entries_[next];
      at = next;
    }
    entries_[at].row_plus_one = 0;
  }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// No row at or beyond was ever handed out.
  [[nodiscard]] std::uint32_t used_end() const noexcept { return used_end_; }

 private:
  struct Entry {
    std::uint64_t key;
    std::uint32_t row_plus_one;  ///< 0: free
  };

  [[nodiscard]] std::uint32_t home(std::uint64_t key, const HashSeed& seed) const noexcept {
    return static_cast<std::uint32_t>(hash_of(key, seed)) & mask_;
  }

  FixedArray<Entry> entries_;
  FixedArray<std::uint32_t> free_;  ///< stack of rows that were given back
  std::uint32_t mask_;
  std::uint32_t capacity_;
  std::uint32_t free_count_ = 0;
  std::uint32_t used_end_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace hopscope::pipeline
