#pragma once
// When has a value moved? Values are sorted into intervals; a row remembers the index of the one it
// is in and an event fires when the value leaves that interval by more than the hysteresis, so a
// value that trembles on an edge does not fire each time. In the raw unit of the value.

#include <array>
#include <cstdint>

#include "pipeline/options.h"

namespace hopscope::pipeline {

/// Index of an interval; kNoInterval before the first value.
using Interval = std::uint16_t;
inline constexpr Interval kNoInterval = 0xFFFF;
inline constexpr unsigned kMaxEdges = 15;

class IntervalRule {
 public:
  IntervalRule() = default;
  /// `unit`: size of a raw unit in the unit of the options (1e-9 for seconds and nanoseconds).
  IntervalRule(const IntervalOptions& options, double unit);

  /// The value is outside the interval `current`, hysteresis included. One subtraction and one
  /// unsigned comparison for the common fixed width.
  [[nodiscard]] bool left(std::uint64_t value, Interval current) const noexcept {
    if (edge_count_ == 0) {
      const std::uint64_t base = current * width_;
      const std::uint64_t low = base > margin_ ? base - margin_ : 0;
      return value < low || (value - low >= base - low + width_ + margin_ && current < kTopIndex);
    }
    return value < low_[current] || value >= high_[current];
  }

  /// The interval that the value lies in.
  [[nodiscard]] Interval index(std::uint64_t value) const noexcept;

  /// Where that interval begins, for people.
  [[nodiscard]] std::uint64_t begin(Interval index) const noexcept;

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }

 private:
  static constexpr Interval kTopIndex = 0xFFFE;  ///< has no upper end

  bool enabled_ = false;
  unsigned edge_count_ = 0;
  std::uint64_t width_ = 1;
  std::uint64_t margin_ = 0;
  std::array<std::uint64_t, kMaxEdges> edges_{};
  std::array<std::uint64_t, kMaxEdges + 1> low_{};  ///< hysteresis included
  std::array<std::uint64_t, kMaxEdges + 1> high_{};
};

}  // namespace hopscope::pipeline
