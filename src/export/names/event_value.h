#pragma once
// Values of events and rows in base units: seconds, bytes, the scale that the switch's profile
// says.

#include <cstdint>

#include "export/names/names.h"
#include "pipeline/events/event.h"

namespace hopscope::exporter {

/// `raw`, an old or new value of the event, in the unit in which the exposition has it: seconds for
/// latencies, utilisation and occupancy scaled as the switch's profile says; counts and drop
/// reasons as they are.
[[nodiscard]] double event_value(const pipeline::Event& event, std::uint64_t raw,
                                 const Names& names);

/// Of a queue, in bytes where the switch counts bytes or cells, else in packets.
[[nodiscard]] double occupancy_of(const pipeline::SwitchProfile& profile, std::uint64_t raw);

}  // namespace hopscope::exporter
