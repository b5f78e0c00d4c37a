#pragma once
// What became of the records of each sink.

#include <prometheus/collectable.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "export/sinks/delivery/counts.h"

namespace hopscope::exporter {

struct SinkCount {
  std::string sink;
  std::string kind;
  DeliveryCounts counts;
};

class SinkMetrics final : public prometheus::Collectable {
 public:
  explicit SinkMetrics(std::function<std::vector<SinkCount>()> sinks) : sinks_(std::move(sinks)) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::function<std::vector<SinkCount>()> sinks_;
};

}  // namespace hopscope::exporter
