#pragma once
// Records that were delivered and stay in the spool for a while, because the other side says yes
// before it has them on its disk: what it had said yes to when it was killed must go again. That it
// was killed shows by its connection, which ends.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>

#include "base/assert.h"

namespace hopscope::exporter {

/// By numbers, which ascend: released, held, to be sent again, not yet delivered. One thread at a
/// time.
class HeldRecords {
 public:
  using Clock = std::chrono::steady_clock;

  /// Everything below `first` is released.
  HeldRecords(Clock::duration time, std::uint64_t first)
      : time_(time), first_(first), again_end_(first) {}

  /// Records of [from, end) were delivered, for the first time or again.
  void delivered(std::uint64_t from, std::uint64_t end, Clock::time_point now) {
    HOPSCOPE_ASSERT(from <= end);
    if (end <= first_) return;  // released meanwhile
    if (wants_again() && from > next()) {
      // Delivered before records with lower numbers: it is sent again with them.
      again_end_ = std::max(again_end_, end);
    } else {
      runs_.push_back({.end = end, .at = now});
    }
  }

  /// The connection over which they were delivered ended: all that is held must go again. A
  /// connection that never lasts says nothing about its server: then they are released, until one
  /// lasts.
  void lost() {
    if (runs_.empty()) return;
    again_end_ = std::max(again_end_, runs_.back().end);
    runs_.clear();
    if (++lost_in_a_row_ > kMaxInARow) first_ = again_end_;
  }

  /// Below it all are released: their time is over, and the connection still stands.
  std::uint64_t release(Clock::time_point now) {
    while (!runs_.empty() && now - runs_.front().at >= time_) {
      first_ = runs_.front().end;
      runs_.pop_front();
      lost_in_a_row_ = 0;
    }
    return first_;
  }

  /// Where records that must go again begin, and end.
  [[nodiscard]] std::uint64_t next() const noexcept {
    return runs_.empty() ? first_ : runs_.back().end;
  }
  [[nodiscard]] std::uint64_t again_end() const noexcept { return again_end_; }
  [[nodiscard]] bool wants_again() const noexcept { return next() < again_end_; }
  /// Numbers that are not released.
  [[nodiscard]] std::uint64_t count() const noexcept {
    return std::max(next(), again_end_) - first_;
  }

 private:
  struct Run {
    std::uint64_t end;  ///< begins where the one before ends
    Clock::time_point at;
  };
  static constexpr unsigned kMaxInARow = 10;

  const Clock::duration time_;
  std::uint64_t first_;      ///< the lowest that is not released
  std::uint64_t again_end_;  ///< [next(), again_end_) must go again
  std::deque<Run> runs_;     ///< delivered over the connection that stands
  unsigned lost_in_a_row_ = 0;
};

}  // namespace hopscope::exporter
