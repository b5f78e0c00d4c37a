#pragma once
// Egress ports of switches and their queues: one line that every report touches, and two that only
// changes touch and the sweep. Each worker has its own rows for the ports that its flows cross; the
// exporter merges them (port_merge.h), the newest value first (value_time.h). Eight queues with
// consecutive ids lie in the row, others in the overflow table.

#include <array>
#include <cstdint>

#include "base/single_writer.h"
#include "pipeline/events/intervals.h"
#include "pipeline/report/key.h"
#include "pipeline/tables/row_table.h"
#include "pipeline/tables/value_time.h"

namespace hopscope::pipeline {

inline constexpr unsigned kInlineQueues = 8;
inline constexpr std::uint32_t kOccupancyMask = 0x00FF'FFFF;  ///< of a queue word
inline constexpr unsigned kQueueShift = 24;                   ///< of the id in an INT queue word
inline constexpr std::uint8_t kNoGroup = 0xFF;

/// Of a word of PortRow::occupancy.
[[nodiscard]] constexpr std::uint8_t tick_in(std::uint32_t word) noexcept {
  return static_cast<std::uint8_t>(word >> 24);
}
[[nodiscard]] constexpr std::uint32_t occupancy_word(std::uint8_t tick,
                                                     std::uint32_t occupancy) noexcept {
  return std::uint32_t{tick} << 24 | (occupancy & kOccupancyMask);
}

/// Ids of one group are those that a row holds inline: of each the place is its remainder.
[[nodiscard]] constexpr std::uint32_t queue_group(std::uint32_t queue) noexcept {
  return queue / kInlineQueues;
}
inline constexpr std::uint32_t kNoValue = 0xFFFF'FFFF;

struct alignas(kCacheLine) PortRow {
  std::uint32_t sequence;
  std::uint32_t tx_utilization;  ///< kNoValue: none yet
  std::uint16_t switch_row;
  std::uint16_t age;  ///< low bits of the second of the newest report
  /// tx_interval where there is a value, else none: nothing happens while values stay in it.
  Interval tx_stays_in;
  std::uint8_t group;    ///< queue_group() of the inline queues; kNoGroup: none yet
  std::uint8_t tx_tick;  ///< when the utilization came; kNoTick: at tx_stamp
  /// Tick in the top byte, occupancy below. Without a tick it came at queue_stamp.
  std::array<std::uint32_t, kInlineQueues> occupancy;
  /// occupancy_interval of the queues that had an occupancy, else none.
  std::array<Interval, kInlineQueues> queue_stays_in;

  std::uint32_t switch_id;
  std::uint32_t port;
  std::array<std::uint32_t, kInlineQueues> congestion;  ///< kNoValue: none yet
  std::array<Interval, kInlineQueues> congestion_interval;
  Interval tx_interval;
  std::uint8_t queues_used;     ///< bit i: inline queue i
  std::uint8_t occupancy_seen;  ///< bit i: inline queue i had an occupancy
  std::uint32_t last_refresh_s;

  std::array<Interval, kInlineQueues> occupancy_interval;
  std::uint32_t tx_stamp;
  std::array<std::uint32_t, kInlineQueues> queue_stamp;
  std::uint32_t swept;  ///< when the sweep was here, or the first report came
  std::uint8_t live;    ///< had a report, not just an interval told by the key's owner
  std::uint8_t unused[7];
};
static_assert(sizeof(PortRow) == 3 * kCacheLine);

/// A queue that is not one of the eight in its port's row.
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
  std::uint32_t stamp;  ///< when its newest value came
};
static_assert(sizeof(QueueRow) == kCacheLine);

[[nodiscard]] inline std::uint64_t port_key(std::uint32_t switch_id, std::uint32_t port) noexcept {
  return (static_cast<std::uint64_t>(switch_id) << 32) | port;
}

}  // namespace hopscope::pipeline
