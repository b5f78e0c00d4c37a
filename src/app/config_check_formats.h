#pragma once
// Whether the headers that the user declares hold together.

#include <functional>
#include <string>

#include "app/config.h"

namespace hopscope::app {

/// Called for each thing looked at: `good`, the key it belongs to, and what to say if it is not.
using Check = std::function<void(bool good, const std::string& key, std::string text)>;

/// Names, ports, EtherTypes, fields and what refers to them, of all `formats:`.
void check_formats(const Config& config, const Check& check);

}  // namespace hopscope::app
