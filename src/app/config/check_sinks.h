#pragma once
// Whether the sinks of the export section hold together.

#include "app/config/check.h"
#include "app/config/config.h"

namespace hopscope::app {

/// Names, URLs, secrets and spools.
void check_sinks(const Config& config, const Check& check);

/// Whether their passwords, tokens and certificates can be read now, on this machine.
void check_sink_files(const Config& config, const Check& check);

}  // namespace hopscope::app
