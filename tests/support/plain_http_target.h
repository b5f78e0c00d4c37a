#pragma once
// A target without secrets, for tests of sinks alone.

#include "export/push/options.h"

namespace hopscope::exporter {

[[gnu::weak]] HttpTarget http_target(const HttpPushOptions& options) {
  HttpTarget target;
  target.url = options.url;
  target.timeout = std::chrono::milliseconds(static_cast<int>(options.timeout_s * 1000));
  return target;
}

}  // namespace hopscope::exporter
