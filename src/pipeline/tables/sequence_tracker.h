#pragma once
// Sequence numbers of the reports of one (source, switch, hw_id): what is missing, late, doubled,
// and when the sender started anew (report 1.0 section 3.1, 2.0 section 3.2). A number counts as
// missing when it leaves a window behind the newest one, or when the sender has been silent, so
// reordering inside the window is not loss.

#include <array>
#include <cstdint>

#include "base/single_writer.h"
#include "pipeline/report/key.h"

namespace hopscope::pipeline {

inline constexpr std::uint32_t kSequenceWindow = 4096;  ///< the widest; a power of two

struct alignas(kCacheLine) SequenceRow {
  // A line that every report touches.
  std::uint32_t sequence;  ///< of the row lock, not of reports
  std::uint32_t last_s;    ///< second of the newest report
  std::uint64_t newest;    ///< extended beyond the wire's width
  std::uint64_t oldest;    ///< numbers below are settled: came, or counted as missing
  std::uint64_t received;
  std::uint64_t missing;
  std::uint64_t told;        ///< of the missing ones, those that an event has told of
  std::uint32_t same;        ///< how often in a row the same number came
  std::uint32_t behind;      ///< how often in a row a number from far behind came
  std::uint16_t deviations;  ///< all that were seen (DeviationMask)
  std::uint8_t versions;     ///< bit per report version seen
  std::uint8_t bits;         ///< width of the number on the wire
  std::uint8_t started;
  std::uint8_t constant;  ///< the sender does not count

  alignas(kCacheLine) std::uint32_t switch_id;
  std::uint32_t last_event_s;  ///< second of the newest report_loss event
  IpAddress source;
  std::uint8_t hw_id;
  std::uint64_t late;
  std::uint64_t duplicates;
  std::uint64_t restarts;

  alignas(kCacheLine) std::array<std::uint64_t, kSequenceWindow / 64> came;  ///< bit n % window
};
static_assert(sizeof(SequenceRow) == 2 * kCacheLine + kSequenceWindow / 8);

/// `window`: how far behind the newest a number may come without being counted as missing; a power
/// of two, at most kSequenceWindow.
void observe(SequenceRow& row, std::uint32_t number, std::uint32_t window,
             std::uint32_t now_s) noexcept;

/// The same for a number that follows the newest one, where the one that leaves the window came: as
/// it mostly is. False, and nothing done: for observe() to find out.
[[nodiscard]] inline bool observe_next(SequenceRow& row, std::uint32_t number, std::uint32_t window,
                                       std::uint32_t now_s) noexcept {
  const std::uint64_t next = row.newest + 1;
  const std::uint64_t turn = std::uint64_t{1} << row.bits;
  if (row.started == 0 || row.constant != 0 || ((next ^ number) & (turn - 1)) != 0) return false;
  if (next - row.oldest >= window) {
    const std::uint64_t leaves = row.oldest % kSequenceWindow;
    const bool came = (row.came[leaves / 64] >> (leaves % 64) & 1) != 0;
    if (next - row.oldest != window || !came) return false;
    put(row.oldest, row.oldest + 1);
  }
  const std::uint64_t at = next % kSequenceWindow;
  put(row.came[at / 64], row.came[at / 64] | std::uint64_t{1} << (at % 64));
  put(row.newest, next);
  put(row.received, row.received + 1);
  if (row.last_s != now_s) put(row.last_s, now_s);
  if (row.same != 0) put(row.same, 0);
  if (row.behind != 0) put(row.behind, 0);
  return true;
}

/// Counts the holes behind the newest number as missing: the sender fell silent, or the run ends.
void settle(SequenceRow& row) noexcept;

}  // namespace hopscope::pipeline
