#pragma once
// Memory that one worker writes while the exporter reads it: counters, and rows under a sequence
// lock. Readers never make the writer wait.

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/assert.h"
#include "base/counter.h"

namespace hopscope {

inline constexpr std::size_t kCacheLine = 64;
/// Distance between data of different threads: two lines, because of the adjacent-line prefetcher.
inline constexpr std::size_t kNoShare = 128;

/// Whether atomic access to `field` is defined: packed rows could break its alignment.
template <typename T>
[[nodiscard]] inline bool is_aligned(const T& field) noexcept {
  return reinterpret_cast<std::uintptr_t>(&field) % std::atomic_ref<T>::required_alignment == 0;
}

/// Writes a field of a row that readers copy under its sequence lock. Release: the store must not
/// move before that of the odd sequence number (pairs with the acquire loads in read_row()). A word
/// that is complete by itself may be written without the lock: readers get the old or the new one.
template <typename T>
inline void put(T& field, std::type_identity_t<T> value) noexcept {
  HOPSCOPE_ASSERT(is_aligned(field));
  std::atomic_ref<T>(field).store(value, std::memory_order_release);
}

/// Reads one field of such a row without its lock. Does not touch the cache line of the sequence
/// number, which the writer would then have to fetch again.
template <typename T>
[[nodiscard]] inline T peek(const T& field) noexcept {
  HOPSCOPE_ASSERT(is_aligned(field));
  return std::atomic_ref<T>(const_cast<T&>(field)).load(std::memory_order_relaxed);
}

/// Marks a row as being written: its sequence number is odd while the RowWriter lives. A row has at
/// most one RowWriter at a time.
class RowWriter {
 public:
  explicit RowWriter(std::uint32_t& sequence) noexcept : sequence_(sequence), start_(sequence) {
    HOPSCOPE_ASSERT((start_ & 1) == 0);  // nobody else writes this row
    std::atomic_ref<std::uint32_t>(sequence_).store(start_ + 1, std::memory_order_relaxed);
  }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  ~RowWriter() {
    HOPSCOPE_ASSERT(sequence_ == start_ + 1);  // and nobody else has written it meanwhile
    // Pairs with the first acquire load in read_row().
    std::atomic_ref<std::uint32_t>(sequence_).store(start_ + 2, std::memory_order_release);
  }

 private:
  std::uint32_t& sequence_;
  const std::uint32_t start_;
};

/// Copies a row under its sequence lock (`row.sequence`), 8 bytes at a time, from the last word to
/// the first. That order matters for a value and its time that are written without the lock, value
/// first, and where the time comes later in the row: the copied value is never older than the
/// copied time. Yields the CPU while the writer is busy with the row; false after some seconds of
/// trying, when the writer must have died.
template <typename Row>
[[nodiscard]] bool read_row(const Row& row, Row& copy) noexcept {
  static_assert(std::is_trivially_copyable_v<Row> && sizeof(Row) % 8 == 0);
  HOPSCOPE_ASSERT(reinterpret_cast<std::uintptr_t>(&row) % 8 == 0);
  HOPSCOPE_ASSERT(&row != &copy);
  constexpr std::uint32_t kSpins = 64;
  constexpr std::uint32_t kTries = 1 << 22;
  auto* sequence = const_cast<std::uint32_t*>(&row.sequence);
  auto* words = const_cast<std::uint64_t*>(reinterpret_cast<const std::uint64_t*>(&row));
  for (std::uint32_t i = 0; i < kTries; ++i) {
    if (i % kSpins == kSpins - 1) sched_yield();
    const auto before = std::atomic_ref<std::uint32_t>(*sequence).load(std::memory_order_acquire);
    if ((before & 1) != 0) continue;
    std::uint64_t words_copy[sizeof(Row) / 8];
    for (std::size_t w = sizeof(Row) / 8; w-- > 0;) {
      words_copy[w] = std::atomic_ref<std::uint64_t>(words[w]).load(std::memory_order_acquire);
    }
    const auto after = std::atomic_ref<std::uint32_t>(*sequence).load(std::memory_order_relaxed);
    if (before == after) {
      std::memcpy(&copy, words_copy, sizeof(Row));
      return true;
    }
  }
  return false;
}

/// Overwrites a row word by word, so that readers see no torn word; keeps the sequence number,
/// which is the first four bytes. For readers of the whole row, call it under a RowWriter.
template <typename Row>
inline void put_row(Row& row, const Row& value) noexcept {
  static_assert(std::is_trivially_copyable_v<Row> && offsetof(Row, sequence) == 0);
  HOPSCOPE_ASSERT(&row != &value);
  auto* to = reinterpret_cast<std::uint32_t*>(&row);
  for (std::size_t w = 1; w < sizeof(Row) / 4; ++w) {
    std::uint32_t word;
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(&value) + w * 4, 4);
    std::atomic_ref<std::uint32_t>(to[w]).store(word, std::memory_order_release);
  }
}

}  // namespace hopscope
