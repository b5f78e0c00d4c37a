#pragma once
// Writes a configuration as YAML that loads to the same values, and the reference page.

#include <string>

#include "app/config/config.h"

namespace hopscope::app {

/// The effective configuration. With `comments` every key carries its meaning, unit and range, and
/// empty lists show one commented-out entry: conf/hopscope.yaml is this for the defaults.
[[nodiscard]] std::string dump_yaml(Config config, bool comments);

/// docs/configuration.md.
[[nodiscard]] std::string config_reference();

}  // namespace hopscope::app
