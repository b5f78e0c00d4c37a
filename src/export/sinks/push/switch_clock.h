#pragma once
// The switch's own time of an event as time since 1970, where it can be that.

#include <cstdint>

#include "export/names/names.h"
#include "pipeline/events/event.h"

namespace hopscope::exporter {

/// ns since 1970: the switch's time where it is within `window_ns` of the receive time, as that of
/// clocks that are set by PTP or NTP is; else the receive time. Clocks of 32 bits, or those that
/// count from when the switch came up, are far from it.
[[nodiscard]] std::int64_t time_of(const pipeline::Event& event, const Names& names,
                                   std::int64_t window_ns);

}  // namespace hopscope::exporter
