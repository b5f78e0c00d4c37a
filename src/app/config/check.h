#pragma once
// What no single key can tell: combinations, and whether the machine has what is asked for.

#include <functional>
#include <string>

#include "app/config/load.h"

namespace hopscope::app {

/// Called for each thing looked at: `good`, the key it belongs to, and what to say if it is not.
using Check = std::function<void(bool good, const std::string& key, std::string text)>;

/// Adds the mistakes that it finds to `loaded.mistakes`.
void check_config(LoadedConfig& loaded, Use use);

}  // namespace hopscope::app
