#pragma once
// Checks the sinks of the export section.

#include "app/config/check.h"
#include "app/config/config.h"

namespace hopscope::app {

/// Names, URLs, secrets and spools.
void check_sinks(const Config& config, const CheckReporter& check);

/// Whether passwords, tokens and certificates can be read now, on this machine.
void check_sink_files(const Config& config, const CheckReporter& check);

}  // namespace hopscope::app
