#pragma once
// Whether the sinks of the export section hold together.

#include "app/config.h"
#include "app/config_check.h"

namespace hopscope::app {

/// Names, URLs, secrets and spools.
void check_sinks(const Config& config, const Check& check);

}  // namespace hopscope::app
