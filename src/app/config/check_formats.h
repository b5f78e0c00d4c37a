#pragma once
// Checks the custom headers of the configuration.

#include "app/config/check.h"
#include "app/config/config.h"

namespace hopscope::app {

/// Names, ports, EtherTypes, fields and the references to them, of all `formats:`.
void check_formats(const Config& config, const CheckReporter& check);

}  // namespace hopscope::app
