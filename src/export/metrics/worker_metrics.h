#pragma once
// What the workers counted: reports, events, frames, rows of the tables, time.

#include <prometheus/collectable.h>

#include <vector>

#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

class WorkerMetrics final : public prometheus::Collectable {
 public:
  /// `tables` must outlive it.
  explicit WorkerMetrics(const pipeline::TableView& tables) : tables_(tables) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const pipeline::TableView& tables_;
};

}  // namespace hopscope::exporter
