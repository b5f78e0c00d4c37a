#include "export/sinks/push/series_clock.h"

#include <algorithm>
#include <functional>

namespace hopscope::exporter {

std::int64_t SeriesClock::stamp(std::string_view series, std::int64_t time_ns) {
  // Forgetting all of them now and then costs a store a point at the worst; memory is bounded.
  if (series_.size() >= kMaxSeries) series_.clear();
  const auto [found, is_new] = series_.try_emplace(std::hash<std::string_view>{}(series));
  Series& known = found->second;
  const bool was_set_back = !is_new && known.newest - time_ns > reset_ns_;
  if (was_set_back) known.moved += kMoveNs;
  const std::int64_t moved = time_ns + known.moved;
  const std::int64_t whole = moved - moved % step_ns_;
  const bool is_free = is_new || was_set_back || whole > known.given;
  known.given = is_free ? whole : known.given + step_ns_;
  known.newest = is_new || was_set_back ? time_ns : std::max(known.newest, time_ns);
  return known.given;
}

}  // namespace hopscope::exporter
