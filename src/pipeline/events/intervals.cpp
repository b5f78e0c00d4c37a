#include "pipeline/events/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hopscope::pipeline {
namespace {

constexpr std::uint64_t kInfinite = std::numeric_limits<std::uint64_t>::max();

std::uint64_t raw(double value, double unit) {
  const double units = std::round(value / unit);
  if (units <= 0) return 0;
  if (units >= 1e18) return kInfinite;
  return static_cast<std::uint64_t>(units);
}

}  // namespace

/// `options` are checked: at most kMaxEdges edges, ascending, and a hysteresis from 0 to 1.
IntervalRule::IntervalRule(const IntervalOptions& options, double unit)
    : enabled_(options.enabled),
      edge_count_(static_cast<unsigned>(std::min<std::size_t>(options.edges.size(), kMaxEdges))),
      width_(std::clamp<std::uint64_t>(raw(options.width, unit), 1, 1ULL << 40)) {
  HOPSCOPE_ASSERT(options.edges.size() <= kMaxEdges);
  HOPSCOPE_ASSERT(options.hysteresis >= 0 && options.hysteresis <= 1);
  HOPSCOPE_ASSERT(std::is_sorted(options.edges.begin(), options.edges.end()));
  margin_ = static_cast<std::uint64_t>(static_cast<double>(width_) * options.hysteresis);
  for (unsigned i = 0; i < edge_count_; ++i) edges_[i] = raw(options.edges[i], unit);
  for (unsigned i = 0; i <= edge_count_ && edge_count_ > 0; ++i) {
    const std::uint64_t begin = i == 0 ? 0 : edges_[i - 1];
    const std::uint64_t end = i == edge_count_ ? kInfinite : edges_[i];
    // The outermost interval has no upper end: its margin is computed from its neighbour's width.
    const std::uint64_t span =
        end != kInfinite ? end - begin : (i > 1 ? begin - edges_[i - 2] : begin);
    const auto margin = static_cast<std::uint64_t>(static_cast<double>(span) * options.hysteresis);
    low_[i] = begin > margin ? begin - margin : 0;
    high_[i] = end == kInfinite ? kInfinite : end + margin;
  }
}

Interval IntervalRule::index(std::uint64_t value) const noexcept {
  if (edge_count_ == 0) {
    return static_cast<Interval>(std::min<std::uint64_t>(value / width_, kTopIndex));
  }
  const auto* end = edges_.data() + edge_count_;
  return static_cast<Interval>(std::upper_bound(edges_.data(), end, value) - edges_.data());
}

std::uint64_t IntervalRule::begin(Interval index) const noexcept {
  HOPSCOPE_ASSERT(index != kNoInterval);
  if (edge_count_ == 0) return index * width_;
  HOPSCOPE_ASSERT(index <= edge_count_);
  return index == 0 ? 0 : edges_[index - 1];
}

LaneIntervals::LaneIntervals(const IntervalRule& rule) noexcept {
  constexpr std::uint32_t kAll = 0xFFFF'FFFF;
  const std::uint64_t far = rule.width() + rule.margin() - 1;
  fits = rule.has_fixed_width() && rule.width() <= kAll && rule.margin() <= kAll && far <= kAll;
  last.fill(0xFFFD);
  width.fill(static_cast<std::uint32_t>(rule.width()));
  margin.fill(rule.enabled() ? static_cast<std::uint32_t>(rule.margin()) : kAll);
  reach.fill(rule.enabled() ? static_cast<std::uint32_t>(far) : kAll);
}

}  // namespace hopscope::pipeline
