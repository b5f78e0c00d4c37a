#pragma once
// The fields of the configuration out of YAML, each where the schema has it.

#include <yaml-cpp/yaml.h>

#include "app/config/load.h"

namespace hopscope::app {

/// Puts what `root` says into the fields of `to.config`, and remembers where each key stands and
/// what could not be understood: wrong values, unknown keys, keys that are there twice.
void load_fields(const YAML::Node& root, LoadedConfig& to);

}  // namespace hopscope::app
