#pragma once
// Sequence numbers of one sender, a second time, with a set of the numbers that came: what counts
// as missing, late, doubled, or a new start (ARCHITECTURE.md, sequence_tracker.h).

#include <algorithm>
#include <cstdint>
#include <set>

namespace hopscope::test::model {

struct Sequence {
  unsigned bits = 32;          ///< of the number on the wire
  std::uint64_t window = 128;  ///< a number further behind the newest has been given up
  bool started = false;
  bool constant = false;
  std::uint64_t newest = 0;      ///< numbers are counted on over the turns of the wire's number
  std::uint64_t settled = 0;     ///< numbers below are settled
  std::set<std::uint64_t> came;  ///< of those from `settled` to `newest`
  std::uint64_t same = 0;        ///< in a row
  std::uint64_t behind = 0;      ///< in a row

  std::uint64_t received = 0, missing = 0, late = 0, duplicates = 0, restarts = 0;

  void observe(std::uint64_t number) {
    ++received;
    if (!started) return start(number);
    const std::uint64_t turn = std::uint64_t{1} << bits;
    const std::uint64_t ahead = (number - newest) % turn;
    if (ahead == 0) return came_again();
    if (constant) {
      constant = false;
      return start(number);
    }
    same = 0;
    const bool is_ahead = ahead < turn / 2;
    if (is_ahead && ahead >= 65'536 && number < 4'096) return restart(number);
    if (is_ahead) {
      behind = 0;
      advance(newest + ahead);
    } else {
      came_behind(newest + ahead - turn, number);
    }
  }

  /// What has not come by now never will.
  void settle() {
    if (started && !constant) settle_below(newest + 1);
  }
  /// Nothing is open.
  [[nodiscard]] bool is_settled() const { return settled > newest; }

 private:
  void start(std::uint64_t number) {
    newest = settled = (std::uint64_t{1} << bits) + number;
    came = {newest};
    same = behind = 0;
    started = true;
  }

  void restart(std::uint64_t number) {
    settle();
    ++restarts;
    start(number);
  }

  void settle_below(std::uint64_t end) {
    if (end <= settled) return;
    came.erase(came.begin(), came.lower_bound(settled));
    const auto first_open = came.lower_bound(end);
    const auto known = static_cast<std::uint64_t>(std::distance(came.begin(), first_open));
    missing += end - settled - known;
    came.erase(came.begin(), first_open);
    settled = end;
  }

  void came_again() {
    ++same;
    if (!constant && same >= 16) {
      // It does not count at all; what looked like duplicates were none.
      constant = true;
      duplicates -= std::min(duplicates, same - 1);
    }
    if (!constant) ++duplicates;
  }

  void advance(std::uint64_t number) {
    newest = number;
    if (number + 1 > window) settle_below(number + 1 - window);
    came.insert(number);
  }

  void came_behind(std::uint64_t number, std::uint64_t wire) {
    const bool is_open = number >= settled && newest - number < window;
    if (is_open && came.insert(number).second) {
      ++late;
      behind = 0;
      return;
    }
    ++behind;
    const bool is_first = wire <= 1 && !is_open;
    const bool is_second = (wire == 1 || wire == 2) && behind == 2;
    if (is_first || is_second || behind >= 8) {
      if (is_open) duplicates -= std::min(duplicates, behind - 1);
      restart(wire);
    } else if (is_open) {
      ++duplicates;
    } else {
      ++late;
    }
  }
};

}  // namespace hopscope::test::model
