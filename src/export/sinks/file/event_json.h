#pragma once
// Events as JSON objects.

#include <string>

#include "export/names/names.h"
#include "pipeline/events/event.h"

namespace hopscope::exporter {

/// Appends one JSON object without line feed.
void append_event_json(std::string& to, const pipeline::Event& event, const Names& names);

}  // namespace hopscope::exporter
