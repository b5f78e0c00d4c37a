#pragma once
// When has a value moved? Values are sorted into intervals; a row remembers the index of the one it
// is in and an event fires when the value leaves that interval by more than the hysteresis, so a
// value that trembles on an edge does not fire each time. In the raw unit of the value.

#include <array>
#include <cstdint>

#include "pipeline/events/options.h"

namespace hopscope::pipeline {

/// Index of an interval; kNoInterval before the first value.
using Interval = std::uint16_t;
inline constexpr Interval kNoInterval = 0xFFFF;
inline constexpr unsigned kMaxEdges = 15;

/// The same test for rules of one fixed width, made small: for loops over many values.
struct FixedIntervals {
  std::uint64_t width = 1;
  std::uint64_t margin = 0;
  std::uint64_t span = 0;  ///< width and both margins; all ones where nothing is to be told

  /// Surely in its interval; false also for the topmost one and for kNoInterval.
  [[nodiscard]] bool stays(std::uint64_t value, Interval current) const noexcept {
    return value + margin - current * width < span && current < 0xFFFE;
  }
};

class IntervalRule {
 public:
  IntervalRule() = default;
  /// `unit`: size of a raw unit in the unit of the options (1e-9 for seconds and nanoseconds).
  IntervalRule(const IntervalOptions& options, double unit);

  /// The value is outside the interval `current`, hysteresis included. One subtraction and one
  /// unsigned comparison for the common fixed width.
  [[nodiscard]] bool left(std::uint64_t value, Interval current) const noexcept {
    if (edge_count_ == 0) {
      // Below the interval the difference wraps and is large as well.
      const std::uint64_t above = value + margin_ - current * width_;
      if (above < width_ + 2 * margin_) [[likely]]
        return false;
      return current < kTopIndex || value + margin_ < current * width_;
    }
    return value < low_[current] || value >= high_[current];
  }

  /// The interval that the value lies in.
  [[nodiscard]] Interval index(std::uint64_t value) const noexcept;

  /// Where that interval begins, for people.
  [[nodiscard]] std::uint64_t begin(Interval index) const noexcept;

  [[nodiscard]] bool enabled() const noexcept { return enabled_; }
  /// No edges were given: all intervals are width() wide, and may be missed by margin().
  [[nodiscard]] bool has_fixed_width() const noexcept { return edge_count_ == 0; }
  [[nodiscard]] std::uint64_t width() const noexcept { return width_; }
  [[nodiscard]] std::uint64_t margin() const noexcept { return margin_; }

  /// Where edges were given nothing ever stays, so that the caller asks this rule.
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

/// A rule of one width for vectors of 32-bit values: the same in every lane.
struct LaneIntervals {
  using Lanes = std::array<std::uint32_t, 8>;

  explicit LaneIntervals(const IntervalRule& rule) noexcept;

  alignas(32) Lanes width;
  alignas(32) Lanes margin;
  alignas(32) Lanes last;   ///< index of the last interval that has an end
  alignas(32) Lanes reach;  ///< from an interval's beginning to its last value, margin included
  bool fits;                ///< one width, and 32 bits are enough
};

}  // namespace hopscope::pipeline
