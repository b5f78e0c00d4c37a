#pragma once
// What yaml-cpp does not say by itself.

#include <yaml-cpp/yaml.h>

#include <string>

#include "app/config/load.h"

namespace hopscope::app {

/// Line and column as editors count them, from 1; line 0 for a node that stands nowhere.
[[nodiscard]] Place place_of(const YAML::Node& node);

/// Line of the "---" in front of a second YAML document with something in it; 0: there is none.
/// (YAML::LoadAll would know; with it the fuzzer ran out of memory, with YAML::Load it does not.)
[[nodiscard]] int second_document(const std::string& text);

/// Where the text stops being UTF-8, which YAML and Prometheus both want; line 0: nowhere.
[[nodiscard]] Place first_not_utf8(const std::string& text);

}  // namespace hopscope::app
