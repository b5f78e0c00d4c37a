#pragma once
// Whether the headers that the user declares hold together.

#include "app/config/check.h"
#include "app/config/config.h"

namespace hopscope::app {

/// Names, ports, EtherTypes, fields and what refers to them, of all `formats:`.
void check_formats(const Config& config, const Check& check);

}  // namespace hopscope::app
