#pragma once
// Reads the fields of a custom header from YAML.

#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "app/config/load.h"

namespace hopscope::app {

/// {name: bits}, {name: {bits, if}} and, at the top level only, {name: {repeat, fields}}. `path` is
/// the key of `node`; places and mistakes are added to `to`.
[[nodiscard]] std::vector<pipeline::CustomHeaderField> read_format_fields(const YAML::Node& node,
                                                                          const std::string& path,
                                                                          LoadedConfig& to);

}  // namespace hopscope::app
