#pragma once
// Sends frames that tell when they were sent, one at a time, for measuring latency.

#include <cstdint>
#include <string>

namespace hopscope::bench {

/// Sends `count` frames to UDP port 32766 out of the interface, at random moments with
/// `mean_gap_us` between two. Throws SetupError.
void send_stamps(const std::string& interface, unsigned count, unsigned mean_gap_us);

}  // namespace hopscope::bench
