#pragma once
// Writes generated frames to a pcap file or sends them out of an interface.

#include <atomic>
#include <nlohmann/json.hpp>

#include "app/generate/options.h"

namespace hopscope::app {

/// Generates the requested traffic and returns the summary. `options` must have passed
/// check(). Ends early, with a summary of what was done, when `stop` is set. Throws GenerateError
/// or SetupError.
[[nodiscard]] nlohmann::ordered_json generate(const GenerateOptions& options,
                                              const std::atomic<bool>& stop);

}  // namespace hopscope::app
