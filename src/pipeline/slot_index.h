#pragma once
// Fixed-capacity map from a 64-bit key to a row number that is handed out once and never taken
// back: ports, queues, switches and the like are few and stay. Open addressing at half load.

#include <bit>
#include <cstdint>

#include "pipeline/fixed_array.h"
#include "pipeline/hash.h"
#include "pipeline/single_writer.h"

namespace hopscope::pipeline {

class SlotIndex {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;

  explicit SlotIndex(std::uint32_t capacity)
      : entries_(std::bit_ceil(std::uint64_t{capacity} * 2 + 1)),
        mask_(static_cast<std::uint32_t>(entries_.size() - 1)),
        capacity_(capacity) {}

  struct Found {
    std::uint32_t row;  ///< kNone: the map is full and does not know the key
    bool is_new;
  };

  [[nodiscard]] Found find_or_add(std::uint64_t key, const HashSeed& seed) noexcept {
    auto at = static_cast<std::uint32_t>(hash_of(key, seed)) & mask_;
    for (;; at = (at + 1) & mask_) {
      Entry& entry = entries_[at];
      if (entry.row_plus_one == 0) break;
      if (entry.key == key) return {.row = entry.row_plus_one - 1, .is_new = false};
    }
    if (size_ == capacity_) {
      refused_.add(1);
      return {.row = kNone, .is_new = false};
    }
    entries_[at] = {.key = key, .row_plus_one = ++size_};
    return {.row = size_ - 1, .is_new = true};
  }

  /// The worker's.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  /// Any thread.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.get(); }

 private:
  struct Entry {
    std::uint64_t key;
    std::uint32_t row_plus_one;  ///< 0: free
  };

  FixedArray<Entry> entries_;
  std::uint32_t mask_;
  std::uint32_t capacity_;
  std::uint32_t size_ = 0;
  Counter refused_;
};

}  // namespace hopscope::pipeline
