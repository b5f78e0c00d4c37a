#pragma once
// Rows of one kind with a SlotIndex: found by key, walked by the exporter while the worker writes.
// Rows go when their owner says so; where the table is full, a new key may take the place of a row
// that nobody needs.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "base/assert.h"
#include "base/fixed_array.h"
#include "base/single_writer.h"
#include "pipeline/tables/slot_index.h"

namespace hopscope::pipeline {

template <typename Row>
class RowTable {
 public:
  explicit RowTable(std::uint32_t capacity) : index_(capacity), rows_(capacity), keys_(capacity) {}

  /// The row of `key`; where it is new, `make(row)` fills in a zeroed one before readers see it.
  /// In a full table rows for which `spare(row)` is true make room. SlotIndex::kNone when there
  /// is none (counted).
  template <typename Make, typename Spare>
  [[nodiscard]] std::uint32_t find_or_add(std::uint64_t key, const HashSeed& seed, const Make& make,
                                          const Spare& spare) noexcept {
    SlotIndex::Found found = index_.find_or_add(key, seed);
    if (found.row == SlotIndex::kNone && make_room(seed, spare)) {
      found = index_.find_or_add(key, seed);
    }
    if (found.row == SlotIndex::kNone) {
      refused_.add(1);
      return found.row;
    }
    HOPSCOPE_ASSERT(found.row < rows_.size());
    if (found.is_new) {
      keys_[found.row] = key;
      Row fresh{};
      make(fresh);
      write(found.row, fresh);
      entries_.set(index_.size());
      // Pairs with the acquire load in used_end().
      used_end_.store(index_.used_end(), std::memory_order_release);
    }
    return found.row;
  }

  /// For tables whose rows stay.
  template <typename Make>
  [[nodiscard]] std::uint32_t find_or_add(std::uint64_t key, const HashSeed& seed,
                                          const Make& make) noexcept {
    return find_or_add(key, seed, make, [](const Row&) { return false; });
  }

  /// Forgets a row; readers see `blank` in its place.
  void erase(std::uint32_t row, const HashSeed& seed, const Row& blank = {}) noexcept {
    HOPSCOPE_ASSERT(row < index_.used_end());
    index_.erase(keys_[row], seed);
    write(row, blank);
    entries_.set(index_.size());
    expired_.add(1);
  }

  [[nodiscard]] Row& operator[](std::uint32_t row) noexcept {
    HOPSCOPE_ASSERT(row < rows_.size());
    return rows_[row];
  }
  [[nodiscard]] const Row& operator[](std::uint32_t row) const noexcept {
    HOPSCOPE_ASSERT(row < rows_.size());
    return rows_[row];
  }

  /// Rows below it may be looked at, those that were erased among them. Any thread.
  [[nodiscard]] std::uint32_t used_end() const noexcept {
    return used_end_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return rows_.size(); }
  /// Rows in use, keys refused, rows erased. Any thread.
  [[nodiscard]] std::uint64_t entries() const noexcept { return entries_.get(); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.get(); }
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_.get(); }

  /// For the exporter: visit(row, index) for every row, those that were erased among them, as it
  /// stands: only for peek(). Any thread.
  template <typename Visit>
  void for_each_place(const Visit& visit) const {
    const std::uint32_t end = used_end();
    for (std::uint32_t i = 0; i < end; ++i) visit(rows_[i], i);
  }

  /// For the exporter: visit(copy) or visit(copy, index) for every row, those that were erased
  /// among them. Any thread.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    Row copy;
    const std::uint32_t end = used_end();
    for (std::uint32_t i = 0; i < end; ++i) {
      if (!read_row(rows_[i], copy)) continue;
      if constexpr (std::is_invocable_v<const Visit&, const Row&, std::uint32_t>) {
        visit(copy, i);
      } else {
        visit(copy);
      }
    }
  }

 private:
  /// Rows examined per new key in a full table; the scan resumes where the last one stopped.
  static constexpr std::uint32_t kTries = 8;

  void write(std::uint32_t row, const Row& value) noexcept {
    const RowWriter writer(rows_[row].sequence);
    put_row(rows_[row], value);
  }

  template <typename Spare>
  bool make_room(const HashSeed& seed, const Spare& spare) noexcept {
    const std::uint32_t end = index_.used_end();
    for (std::uint32_t i = 0; i < std::min(kTries, end); ++i) {
      look_at_ = look_at_ + 1 < end ? look_at_ + 1 : 0;
      if (!spare(rows_[look_at_])) continue;
      erase(look_at_, seed);
      return true;
    }
    return false;
  }

  SlotIndex index_;
  FixedArray<Row> rows_;
  FixedArray<std::uint64_t> keys_;
  std::uint32_t look_at_ = 0;
  std::atomic<std::uint32_t> used_end_{0};
  Counter entries_, refused_, expired_;
};

}  // namespace hopscope::pipeline
