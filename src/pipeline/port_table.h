#pragma once
// Egress ports of switches and their queues: one line that every report touches, one that only
// changes touch, and one with times that only several workers need. Each worker has its own rows
// for the ports that its flows cross; the exporter merges them (port_merge.h), the newest value
// first. Eight queues lie in the row, further ones in the overflow table.

#include <array>
#include <atomic>
#include <cstdint>

#include "pipeline/fixed_array.h"
#include "pipeline/intervals.h"
#include "pipeline/key.h"
#include "pipeline/single_writer.h"
#include "pipeline/slot_index.h"

namespace hopscope::pipeline {

inline constexpr unsigned kInlineQueues = 8;
inline constexpr std::uint32_t kNoValue = 0xFFFF'FFFF;

struct alignas(kCacheLine) PortRow {
  std::uint32_t sequence;
  std::uint32_t tx_utilization;  ///< kNoValue: none yet
  Interval tx_interval;
  std::uint16_t switch_row;
  std::uint8_t queues_used;  ///< bit i: inline queue i
  std::uint8_t live;         ///< had a report within the idle time
  std::uint16_t age;         ///< low bits of the second of the newest report
  /// id in the top byte, occupancy below, as in the INT queue word
  std::array<std::uint32_t, kInlineQueues> occupancy;
  std::array<Interval, kInlineQueues> occupancy_interval;

  std::uint32_t switch_id;
  std::uint32_t port;
  std::array<std::uint32_t, kInlineQueues> congestion;  ///< kNoValue: none yet
  std::array<Interval, kInlineQueues> congestion_interval;
  std::uint8_t occupancy_seen;  ///< bit i: inline queue i had an occupancy
  std::uint8_t unused[3];
  std::uint32_t last_refresh_s;

  // Receive times in microseconds modulo 2^32, to tell which worker's value is the newest.
  std::uint32_t tx_us;
  std::array<std::uint32_t, kInlineQueues> queue_us;
  std::array<std::uint32_t, 7> unused_words;
};
static_assert(sizeof(PortRow) == 3 * kCacheLine);

/// A queue beyond the eighth of its port.
struct alignas(kCacheLine) QueueRow {
  std::uint32_t sequence;
  std::uint32_t queue;
  std::uint32_t switch_id;
  std::uint32_t port;
  std::uint32_t occupancy;   ///< kNoValue: none yet
  std::uint32_t congestion;  ///< kNoValue: none yet
  Interval occupancy_interval;
  Interval congestion_interval;
  std::uint8_t live;
  std::uint8_t unused;
  std::uint16_t age;
  std::uint32_t last_refresh_s;
  std::uint32_t seen_us;
};
static_assert(sizeof(QueueRow) == kCacheLine);

/// Rows addressed by a SlotIndex, with what the exporter needs to walk them.
template <typename Row>
class RowTable {
 public:
  explicit RowTable(std::uint32_t capacity) : index_(capacity), rows_(capacity) {}

  /// The row of `key`; where it is new, `make(row)` fills it before readers see it. Returns
  /// SlotIndex::kNone when the table is full (counted).
  template <typename Make>
  [[nodiscard]] std::uint32_t find_or_add(std::uint64_t key, const HashSeed& seed,
                                          const Make& make) noexcept {
    const SlotIndex::Found found = index_.find_or_add(key, seed);
    if (found.is_new) {
      make(rows_[found.row]);
      // Pairs with the acquire load in for_each().
      used_.store(index_.size(), std::memory_order_release);
    }
    return found.row;
  }

  [[nodiscard]] Row& operator[](std::uint32_t row) noexcept { return rows_[row]; }
  [[nodiscard]] const Row& operator[](std::uint32_t row) const noexcept { return rows_[row]; }
  /// Rows that readers may see. Any thread.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return used_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t refused() const noexcept { return index_.refused(); }

  /// For the exporter: visit(copy) for every row. Any thread.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    Row copy;
    const std::uint32_t end = size();
    for (std::uint32_t i = 0; i < end; ++i) {
      if (read_row(rows_[i], copy)) visit(copy);
    }
  }

 private:
  SlotIndex index_;
  FixedArray<Row> rows_;
  std::atomic<std::uint32_t> used_{0};
};

[[nodiscard]] inline std::uint64_t port_key(std::uint32_t switch_id, std::uint32_t port) noexcept {
  return (static_cast<std::uint64_t>(switch_id) << 32) | port;
}

}  // namespace hopscope::pipeline
