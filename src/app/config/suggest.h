#pragma once
// Suggests a known key for an unknown one.

#include <string>
#include <vector>

namespace hopscope::app {

/// "; did you mean X?", or all `known` keys where none is similar. To be appended to "unknown key".
[[nodiscard]] std::string suggestion(const std::string& name,
                                     const std::vector<std::string>& known);

}  // namespace hopscope::app
