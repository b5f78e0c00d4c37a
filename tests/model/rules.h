#pragma once
// Intervals and hysteresis a second time, as docs/configuration.md has them: each interval is a
// pair of bounds, each question a comparison with them.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "pipeline/events/options.h"

namespace hopscope::test::model {

class Rule {
 public:
  Rule() = default;
  /// `unit`: size of a raw unit in the unit of the options.
  Rule(const pipeline::IntervalOptions& options, double unit)
      : enabled_(options.enabled), hysteresis_(options.hysteresis) {
    for (const double edge : options.edges) edges_.push_back(raw(edge, unit));
    width_ = std::clamp<std::uint64_t>(raw(options.width, unit), 1, std::uint64_t{1} << 40);
  }

  [[nodiscard]] std::uint64_t index(std::uint64_t value) const {
    if (edges_.empty()) return std::min(value / width_, kTop);
    std::uint64_t below = 0;
    while (below < edges_.size() && value >= edges_[below]) ++below;
    return below;
  }

  /// The value has left interval `i`: it is beyond one of its ends by more than the hysteresis.
  [[nodiscard]] bool left(std::uint64_t value, std::uint64_t i) const {
    if (!enabled_) return false;
    const std::uint64_t begin = edges_.empty() ? i * width_ : i == 0 ? 0 : edges_[i - 1];
    std::optional<std::uint64_t> end;  // none: endless
    if (edges_.empty() && i < kTop) end = begin + width_;
    if (!edges_.empty() && i < edges_.size()) end = edges_[i];
    std::uint64_t span = width_;
    if (!edges_.empty()) {
      // The endless one takes the width of its neighbour.
      span = end ? *end - begin : i > 1 ? begin - edges_[i - 2] : begin;
    }
    const auto margin = static_cast<std::uint64_t>(static_cast<double>(span) * hysteresis_);
    return value + margin < begin || (end && value >= *end + margin);
  }

 private:
  static constexpr std::uint64_t kTop = 0xFFFE;  ///< the last interval of a fixed width

  static std::uint64_t raw(double value, double unit) {
    return static_cast<std::uint64_t>(std::max(0.0, std::round(value / unit)));
  }

  bool enabled_ = false;
  double hysteresis_ = 0;
  std::uint64_t width_ = 1;
  std::vector<std::uint64_t> edges_;
};

}  // namespace hopscope::test::model
