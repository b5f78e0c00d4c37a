#include "pipeline/tables/sequence_tracker.h"

#include <algorithm>

namespace hopscope::pipeline {
namespace {

/// So many equal numbers in a row mean that the sender does not count at all.
constexpr std::uint32_t kConstantAfter = 16;
/// So many numbers in a row from behind mean that the sender started anew.
constexpr std::uint32_t kRestartAfter = 8;
/// A number that is so far ahead and among the first of all is no loss but a new start.
constexpr std::uint64_t kFarAhead = 1 << 16;
constexpr std::uint32_t kAmongTheFirst = 4096;

bool test(const SequenceRow& row, std::uint64_t number) noexcept {
  const std::uint64_t bit = number % kSequenceWindow;
  return ((row.came[bit / 64] >> (bit % 64)) & 1) != 0;
}

void assign(SequenceRow& row, std::uint64_t number, bool value) noexcept {
  const std::uint64_t bit = number % kSequenceWindow;
  std::uint64_t& word = row.came[bit / 64];
  const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
  put(word, value ? word | mask : word & ~mask);
}

void start(SequenceRow& row, std::uint32_t number) noexcept {
  // One full turn ahead, so that numbers before the first one do not fall below zero.
  const std::uint64_t first = (std::uint64_t{1} << row.bits) + number;
  put(row.newest, first);
  put(row.oldest, first);
  put(row.same, 0);
  put(row.behind, 0);
  put(row.started, 1);
  assign(row, first, true);
}

/// Counts the holes in [row.oldest, end) and moves row.oldest there.
void close_holes(SequenceRow& row, std::uint64_t end) noexcept {
  std::uint64_t missing = 0;
  for (std::uint64_t n = row.oldest; n < end; ++n) missing += test(row, n) ? 0 : 1;
  put(row.missing, row.missing + missing);
  put(row.oldest, end);
}

void advance(SequenceRow& row, std::uint64_t newest, std::uint32_t window) noexcept {
  if (newest - row.newest >= window) {
    // Everything known leaves the window at once, and the numbers jumped over with it.
    close_holes(row, row.newest + 1);
    const std::uint64_t kept = newest - window + 1;
    if (kept > row.oldest) {
      put(row.missing, row.missing + (kept - row.oldest));
      put(row.oldest, kept);
    }
    for (std::uint64_t n = row.oldest; n < newest; ++n) assign(row, n, false);
  } else {
    // What leaves the window first: in the widest one its bits are those of the new numbers.
    if (newest >= window && newest - window + 1 > row.oldest) {
      close_holes(row, newest - window + 1);
    }
    for (std::uint64_t n = row.newest + 1; n < newest; ++n) assign(row, n, false);
  }
  assign(row, newest, true);
  put(row.newest, newest);
}

void restart(SequenceRow& row, std::uint32_t number) noexcept {
  settle(row);
  put(row.restarts, row.restarts + 1);
  start(row, number);
}

void came_behind(SequenceRow& row, std::uint64_t number, std::uint32_t wire,
                 std::uint32_t window) noexcept {
  const bool known = number >= row.oldest && row.newest - number < window;
  if (known && !test(row, number)) {
    assign(row, number, true);
    put(row.late, row.late + 1);
    put(row.behind, 0);
    return;
  }
  // A new start: one of the first numbers from behind the window, two of them in a row within it,
  // or a longer run of numbers that should not come again. One that came before is just that.
  put(row.behind, row.behind + 1);
  const bool is_first = wire <= 1 && !known;
  const bool is_second = (wire == 1 || wire == 2) && row.behind == 2;
  if (is_first || is_second || row.behind >= kRestartAfter) {
    // What looked like duplicates was the new start.
    if (known) {
      put(row.duplicates, row.duplicates - std::min<std::uint64_t>(row.duplicates, row.behind - 1));
    }
    restart(row, wire);
  } else if (known) {
    put(row.duplicates, row.duplicates + 1);
  } else {
    put(row.late, row.late + 1);
  }
}

}  // namespace

void observe(SequenceRow& row, std::uint32_t number, std::uint32_t window,
             std::uint32_t now_s) noexcept {
  put(row.received, row.received + 1);
  put(row.last_s, now_s);
  if (row.started == 0) {
    start(row, number);
    return;
  }
  const std::uint64_t turn = std::uint64_t{1} << row.bits;
  const std::uint64_t ahead = (number - row.newest) & (turn - 1);
  if (ahead == 0) {
    put(row.same, row.same + 1);
    if (row.constant == 0 && row.same >= kConstantAfter) {
      put(row.constant, 1);
      put(row.duplicates, row.duplicates - std::min<std::uint64_t>(row.duplicates, row.same - 1));
    }
    if (row.constant == 0) put(row.duplicates, row.duplicates + 1);
    return;
  }
  if (row.constant != 0) {
    put(row.constant, 0);
    start(row, number);
    return;
  }
  put(row.same, 0);
  if (ahead >= kFarAhead && ahead < turn / 2 && number < kAmongTheFirst) {
    restart(row, number);
  } else if (ahead < turn / 2) {
    put(row.behind, 0);
    advance(row, row.newest + ahead, window);
  } else {
    came_behind(row, row.newest - (turn - ahead), number, window);
  }
}

void settle(SequenceRow& row) noexcept {
  if (row.started != 0 && row.constant == 0) close_holes(row, row.newest + 1);
}

}  // namespace hopscope::pipeline
