#pragma once
// What a sink may be told of: an event when it happens, or a row of a table as it is now.

#include <cstdint>
#include <variant>

#include "pipeline/events/event.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

using Item = std::variant<const pipeline::Event*, const pipeline::FlowSnapshot*,
                          const pipeline::PortSnapshot*, const pipeline::SwitchSnapshot*,
                          const pipeline::DropSnapshot*, const pipeline::SequenceSnapshot*,
                          const pipeline::LinkSnapshot*, const pipeline::FormatSnapshot*>;

}  // namespace hopscope::exporter
