#pragma once
// Ranges and choices in words, for the YAML comments and the reference page.

#include <string>
#include <string_view>
#include <vector>

#include "app/config/visitor.h"

namespace hopscope::app {

/// "1 to 64", "at least 1", or empty where any value is allowed.
[[nodiscard]] std::string range_of(const Key& key);
[[nodiscard]] std::string duration_range_of(const Key& key);
/// In decimal or hexadecimal, as key.hex says.
[[nodiscard]] std::string format_integer(const Key& key, std::int64_t value);
/// "a, b or c".
[[nodiscard]] std::string one_of(const std::vector<std::string_view>& names);

}  // namespace hopscope::app
