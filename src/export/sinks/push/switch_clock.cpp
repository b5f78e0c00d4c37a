#include "export/sinks/push/switch_clock.h"

#include <cmath>
#include <cstdlib>

namespace hopscope::exporter {

std::int64_t time_of(const pipeline::Event& event, const Names& names, std::int64_t window_ns) {
  if (!event.has_switch_time) return event.receive_time_ns;
  const double unit_ns = names.profile(event.time_switch_id).time_unit_s * 1e9;
  const double rough_ns = static_cast<double>(event.switch_time) * unit_ns;
  constexpr double kMaxNs = 9e18;
  if (rough_ns > kMaxNs) return event.receive_time_ns;
  // A double would lose the last digits of today's time, so whole units are multiplied as such.
  const auto whole = std::llround(unit_ns);
  const bool is_whole = whole >= 1 && std::fabs(unit_ns - static_cast<double>(whole)) < 1e-9;
  const std::int64_t switch_ns =
      is_whole ? static_cast<std::int64_t>(event.switch_time) * whole : std::llround(rough_ns);
  const bool is_near = std::llabs(switch_ns - event.receive_time_ns) <= window_ns;
  return is_near ? switch_ns : event.receive_time_ns;
}

}  // namespace hopscope::exporter
