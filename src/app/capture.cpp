#include "app/capture.h"

#include "base/setup_error.h"

namespace hopscope::app {

std::unique_ptr<io::PcapSource> open_captures(const std::vector<std::string>& files) {
  try {
    return std::make_unique<io::PcapSource>(files);
  } catch (const SetupError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace hopscope::app
