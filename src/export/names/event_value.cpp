#include "export/names/event_value.h"

#include "export/names/scale.h"

namespace hopscope::exporter {

double occupancy_of(const pipeline::SwitchProfile& profile, std::uint64_t raw) {
  const bool in_cells = profile.occupancy_unit == pipeline::OccupancyUnit::kCells;
  return static_cast<double>(raw) * (in_cells ? profile.cell_bytes : 1);
}

double event_value(const pipeline::Event& event, std::uint64_t raw, const Names& names) {
  using pipeline::Measurement;
  const auto value = static_cast<double>(raw);
  const pipeline::SwitchProfile& profile = names.profile(event.switch_id);
  switch (event.measurement) {
    case Measurement::kFlowLatency:
      return scaled(value, 1e-9);
    case Measurement::kHopLatency:
      return scaled(value, profile.latency_unit_s);
    case Measurement::kTxUtilization:
      return scaled(value, profile.tx_utilization_scale);
    case Measurement::kQueueOccupancy:
    case Measurement::kQueueCongestion:
      return occupancy_of(profile, raw);
    case Measurement::kFormat:
      return event.has_format_value ? scaled(value, names.formats()[event.format]
                                                        .config()
                                                        .measurements[event.format_value]
                                                        .scale)
                                    : value;
    default:
      return value;
  }
}

}  // namespace hopscope::exporter
