#pragma once
// Memory that one worker writes and the exporter reads while it does: counters, and rows under a
// sequence lock. Neither ever makes the writer wait.

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/counter.h"

namespace hopscope {

/// Lines apart, so that neither sharing nor the adjacent-line prefetcher couples two threads.
inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kNoShare = 128;

/// Writes a field of a row that readers copy under its sequence lock. Release: it may not move in
/// front of the odd sequence number (pairs with the acquire loads in read_row()). A word that says
/// something by itself may be written without the lock: readers find the old one or the new one.
template <typename T>
inline void put(T& field, std::type_identity_t<T> value) noexcept {
  std::atomic_ref<T>(field).store(value, std::memory_order_release);
}

/// Reads one field of such a row without its lock, and without the line of its sequence number,
/// which the writer would have to claim again.
template <typename T>
[[nodiscard]] inline T peek(const T& field) noexcept {
  return std::atomic_ref<T>(const_cast<T&>(field)).load(std::memory_order_relaxed);
}

/// Marks a row as being written for its lifetime: the sequence number is odd meanwhile.
class RowWriter {
 public:
  explicit RowWriter(std::uint32_t& sequence) noexcept : sequence_(sequence), start_(sequence) {
    std::atomic_ref<std::uint32_t>(sequence_).store(start_ + 1, std::memory_order_relaxed);
  }
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;
  ~RowWriter() {
    // Pairs with the first acquire load in read_row().
    std::atomic_ref<std::uint32_t>(sequence_).store(start_ + 2, std::memory_order_release);
  }

 private:
  std::uint32_t& sequence_;
  const std::uint32_t start_;
};

/// Copies a row of whole 8-byte words whose sequence number is `row.sequence`, the last one first:
/// a value that is written before its time, which stands behind it in the row, is not copied older
/// than the time says, though both be written without the lock. Where the writer is
/// at it again and again, or was taken off its CPU meanwhile, the reader gives way to it; false
/// only after so long (some seconds) that the writer must be dead.
template <typename Row>
[[nodiscard]] bool read_row(const Row& row, Row& copy) noexcept {
  static_assert(std::is_trivially_copyable_v<Row> && sizeof(Row) % 8 == 0);
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

/// Overwrites a whole row (also under its RowWriter) word by word, all but the sequence number in
/// the first four bytes, so that readers see no torn word.
template <typename Row>
inline void put_row(Row& row, const Row& value) noexcept {
  static_assert(std::is_trivially_copyable_v<Row> && offsetof(Row, sequence) == 0);
  auto* to = reinterpret_cast<std::uint32_t*>(&row);
  for (std::size_t w = 1; w < sizeof(Row) / 4; ++w) {
    std::uint32_t word;
    std::memcpy(&word, reinterpret_cast<const std::uint8_t*>(&value) + w * 4, 4);
    std::atomic_ref<std::uint32_t>(to[w]).store(word, std::memory_order_release);
  }
}

}  // namespace hopscope
