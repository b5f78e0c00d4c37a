#pragma once
// Reads the fields of the configuration from YAML, as the schema describes them.

#include <yaml-cpp/yaml.h>

#include "app/config/load.h"

namespace hopscope::app {

/// Sets the fields of `to.config` from `root`, and records the place of each key and all mistakes:
/// wrong values, unknown keys, duplicate keys.
void load_fields(const YAML::Node& root, LoadedConfig& to);

}  // namespace hopscope::app
