#pragma once
// What /healthz and /readyz say of one part of the collector.

#include <string>

namespace hopscope::exporter {

/// One part that works or does not, and why not.
struct HealthCheck {
  std::string name;
  bool ok = true;
  std::string detail;
};

}  // namespace hopscope::exporter
