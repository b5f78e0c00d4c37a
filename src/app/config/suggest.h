#pragma once
// What somebody may have meant who wrote a key that does not exist.

#include <string>
#include <vector>

namespace hopscope::app {

/// "; did you mean X?", or all `known` keys where none is near. Goes behind "unknown key".
[[nodiscard]] std::string suggestion(const std::string& name,
                                     const std::vector<std::string>& known);

}  // namespace hopscope::app
