#pragma once
// Checks that concern more than one key: combinations of keys, and whether the machine has the
// interface, queues, CPUs and files that the configuration names.

#include <functional>
#include <string>

#include "app/config/load.h"

namespace hopscope::app {

/// Called once for each check: whether it passed, the key it belongs to, and the mistake to report
/// if it did not pass.
using CheckReporter = std::function<void(bool good, const std::string& key, std::string text)>;

/// Adds the mistakes that it finds to `loaded.mistakes`.
void check_config(LoadedConfig& loaded, Use use);

}  // namespace hopscope::app
