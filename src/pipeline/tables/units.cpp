#include "pipeline/tables/units.h"

#include <algorithm>
#include <cmath>

namespace hopscope::pipeline {
namespace {

std::uint64_t factor_to_ns(double unit_s) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(unit_s * 1e9 * 65536)));
}

}  // namespace

Units UnitTable::make_units(const SwitchProfile& profile, const EventOptions& events) {
  std::uint16_t clock = 0;
  if (!profile.clock.empty()) {
    const auto next = static_cast<std::uint16_t>(clocks_.size() + 1);
    clock = clocks_.emplace(profile.clock, next).first->second;
  }
  return {.latency_to_ns = factor_to_ns(profile.latency_unit_s),
          .time_to_ns = factor_to_ns(profile.time_unit_s),
          .clock = clock,
          .hop_latency = IntervalRule(events.hop_latency, profile.latency_unit_s),
          .tx_utilization = IntervalRule(events.tx_utilization, 1),
          .queue_occupancy = IntervalRule(events.queue_occupancy, 1),
          .queue_congestion = IntervalRule(events.queue_congestion, 1)};
}

UnitTable::UnitTable(const SwitchOptions& switches, const EventOptions& events)
    : flow_latency_(events.flow_latency, 1e-9) {
  units_.push_back(make_units(switches.defaults, events));
  for (const auto& [id, profile] : switches.by_id) {
    const Units units = make_units(profile, events);
    const auto same = std::find(units_.begin(), units_.end(), units);
    by_switch_.emplace_back(id, static_cast<std::uint32_t>(same - units_.begin()));
    if (same == units_.end()) units_.push_back(units);
  }
}

std::uint32_t UnitTable::index_of(std::uint32_t switch_id) const noexcept {
  const auto found =
      std::lower_bound(by_switch_.begin(), by_switch_.end(), switch_id,
                       [](const auto& entry, std::uint32_t id) { return entry.first < id; });
  return found != by_switch_.end() && found->first == switch_id ? found->second : 0;
}

}  // namespace hopscope::pipeline
