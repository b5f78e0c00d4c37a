#pragma once
// What no single key can tell: combinations, and whether the machine has what is asked for.

#include "app/config_load.h"

namespace hopscope::app {

/// Adds the mistakes that it finds to `loaded.mistakes`.
void check_config(LoadedConfig& loaded, Use use);

}  // namespace hopscope::app
