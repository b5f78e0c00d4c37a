#pragma once
// The version of the program, and what the kernel knows of its process.

#include <prometheus/collectable.h>

#include <vector>

namespace hopscope::exporter {

class ProcessMetrics final : public prometheus::Collectable {
 public:
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace hopscope::exporter
