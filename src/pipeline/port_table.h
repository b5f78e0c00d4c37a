#pragma once
// Egress ports of switches and their queues: one line that every report touches, one that only
// changes touch, and one with intervals, and times that only several workers need. Each worker has
// its own rows for the ports that its flows cross; the exporter merges them (port_merge.h), the
// newest value first. Eight queues lie in the row, further ones in the overflow table.

#include <array>
#include <cstdint>

#include "pipeline/intervals.h"
#include "pipeline/key.h"
#include "pipeline/row_table.h"
#include "pipeline/single_writer.h"

namespace hopscope::pipeline {

inline constexpr unsigned kInlineQueues = 8;
inline constexpr std::uint32_t kOccupancyMask = 0x00FF'FFFF;  ///< of a queue word
inline constexpr std::uint32_t kNoValue = 0xFFFF'FFFF;

struct alignas(kCacheLine) PortRow {
  std::uint32_t sequence;
  std::uint32_t tx_utilization;  ///< kNoValue: none yet
  std::uint16_t switch_row;
  std::uint16_t age;  ///< low bits of the second of the newest report
  /// tx_interval where there is a value, else none: nothing happens while values stay in it.
  Interval tx_stays_in;
  std::uint16_t unused_half;
  /// id in the top byte, occupancy below, as in the INT queue word
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
  // Receive times in microseconds modulo 2^32, to tell which worker's value is the newest.
  std::uint32_t tx_us;
  std::array<std::uint32_t, kInlineQueues> queue_us;
  std::uint8_t live;  ///< had a report, not just an interval told by the key's owner
  std::uint8_t unused[11];
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

[[nodiscard]] inline std::uint64_t port_key(std::uint32_t switch_id, std::uint32_t port) noexcept {
  return (static_cast<std::uint64_t>(switch_id) << 32) | port;
}

}  // namespace hopscope::pipeline
