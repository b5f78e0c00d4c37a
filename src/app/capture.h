#pragma once
// Opens the captures of a command line.

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/pcap/pcap_source.h"

namespace hopscope::app {

/// A command line that cannot be executed: one line that says what to change; exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws UsageError for a file that is no capture.
[[nodiscard]] std::unique_ptr<io::PcapSource> open_captures(const std::vector<std::string>& files);

}  // namespace hopscope::app
