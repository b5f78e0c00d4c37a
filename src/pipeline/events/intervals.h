#pragma once
// Decides when a value has moved. Values are sorted into intervals; a row stores the index of its
// interval, and an event is due when the value leaves that interval by more than the hysteresis, so
// a value that varies around an edge does not cause an event each time. All in raw units.

#include <array>
#include <cstdint>

#include "base/assert.h"
#include "pipeline/events/options.h"

namespace hopscope::pipeline {

/// Index of an interval; kNoInterval before the first value.
using Interval = std::uint16_t;
inline constexpr Interval kNoInterval = 0xFFFF;
inline constexpr unsigned kMaxEdges = 15;

/// IntervalRule::left() for rules of one fixed width, reduced for loops over many values.
struct FixedIntervals {
  std::uint64_t width = 1;
  std::uint64_t margin = 0;
  std::uint64_t span = 0;  ///< width and both margins; all ones where no events are due

  /// True: the value is in its interval. False: it may have left it; always so for the topmost
  /// interval and for kNoInterval.
  [[nodiscard]] bool stays(std::uint64_t value, Interval current) const noexcept {
    return value + margin - current * width < span && current < 0xFFFE;
  }
};

class IntervalRule {
 public:
  IntervalRule() = default;
  /// `unit`: size of a raw unit in the unit of the options (1e-9 for seconds and nanoseconds).
  IntervalRule(const IntervalOptions& options, double unit);

  /// The value is outside the interval `current`, hysteresis included. `current` is an interval of
  /// this rule. One subtraction and one unsigned comparison for the common fixed width.
  [[nodiscard]] bool left(std::uint64_t value, Interval current) const noexcept {
    HOPSCOPE_ASSERT(current != kNoInterval);
    if (edge_count_ == 0) {
      // Below the interval the difference wraps and is large as well.
      const std::uint64_t above = value + margin_ - current * width_;
      if (above < width_ + 2 * margin_) [[likely]]
        return false;
      return current < kTopIndex || value + margin_ < current * width_;
    }
    HOPSCOPE_ASSERT(current <= edge_count_);
    return value < low_[current] || value >= high_[current];
  }

  /// The interval that the value lies in.
  [[nodiscard]] Interval index(std::uint64_t value) const noexcept;

  /// The lower end of an interval without hysteresis, for output.
  [[nodiscard]] std::uint64_t begin(Interval index) const noexcept;

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }
  /// No edges were given: all intervals are width() wide, with a hysteresis of margin().
  [[nodiscard]] bool has_fixed_width() const noexcept { return edge_count_ == 0; }
  [[nodiscard]] std::uint64_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint64_t margin() const noexcept { return margin_; }

  /// Where edges were given, stays() of the result is always false, so that the caller uses left().
  [[nodiscard]] FixedIntervals fixed() const noexcept {
    if (!has_fixed_width()) return {};
    return {.width = width_, .margin = margin_, .span = enabled_ ? width_ + 2 * margin_ : ~0ULL};
  }

  friend bool operator==(const IntervalRule&, const IntervalRule&) = default;

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

/// A rule of one width for vectors of 32-bit values, with equal values in all lanes.
struct LaneIntervals {
  using Lanes = std::array<std::uint32_t, 8>;

  explicit LaneIntervals(const IntervalRule& rule) noexcept;

  alignas(32) Lanes width;
  alignas(32) Lanes margin;
  alignas(32) Lanes last;   ///< index of the last interval that has an upper end
  alignas(32) Lanes reach;  ///< from an interval's beginning to its last value, margin included
  bool fits;                ///< the rule has one width and its values fit 32 bits
};

}  // namespace hopscope::pipeline
