#pragma once
// Additions to yaml-cpp.

#include <yaml-cpp/yaml.h>

#include <string>

#include "app/config/load.h"

namespace hopscope::app {

/// Line and column, counted from 1 as in editors; line 0 for a node without a place in the file.
[[nodiscard]] Place place_of(const YAML::Node& node);

/// Line of the "---" before a second YAML document that is not empty; 0: there is none.
/// (YAML::LoadAll would know; with it the fuzzer ran out of memory, with YAML::Load it does not.)
[[nodiscard]] int second_document(const std::string& text);

/// The first byte that is not UTF-8, which YAML and Prometheus both require; line 0: there is none.
[[nodiscard]] Place first_not_utf8(const std::string& text);

}  // namespace hopscope::app
