#pragma once
// Stands in for a collector with a given configuration: the sources, sinks, checks and servers that
// its own metrics show, with counts as after some weeks.

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config/config.h"
#include "export/http/http_counters.h"
#include "export/metrics/self_metrics.h"

namespace hopscope::app {

class ForecastCollector {
 public:
  /// `config` must outlive it.
  explicit ForecastCollector(const Config& config);

  /// As exporter::Exporter hands it to write_exposition(). Refers to this object.
  [[nodiscard]] exporter::SelfMetricsInput self(const pipeline::TableView& tables) const;

 private:
  [[nodiscard]] std::vector<exporter::XdpCount> xdp() const;
  [[nodiscard]] std::vector<exporter::SinkCount> sinks() const;
  [[nodiscard]] std::vector<exporter::HealthCheck> health() const;

  const Config& config_;
  std::vector<std::unique_ptr<io::FrameSource>> sources_;
  exporter::HttpCounters http_;
  std::vector<std::pair<std::string_view, std::uint64_t>> scrapes_;
};

}  // namespace hopscope::app
