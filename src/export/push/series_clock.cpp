#include "export/push/series_clock.h"

#include <functional>

namespace hopscope::exporter {

std::int64_t SeriesClock::stamp(std::string_view series, std::int64_t time_ns) {
  // Forgetting all of them now and then costs a store a point at the worst; memory is bounded.
  if (newest_.size() >= kMostSeries) newest_.clear();
  const std::int64_t whole = time_ns - time_ns % step_ns_;
  const auto [found, is_new] = newest_.try_emplace(std::hash<std::string_view>{}(series), whole);
  if (is_new) return whole;
  std::int64_t& newest = found->second;
  const bool was_set_back = newest - whole > kReset;
  newest = whole > newest || was_set_back ? whole : newest + step_ns_;
  return newest;
}

}  // namespace hopscope::exporter
