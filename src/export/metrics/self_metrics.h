#pragma once
// The collector's own few hundred series, as prometheus-cpp collects them: a
// prometheus::Collectable per owner of counters, asked at scrape time.

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/http/health_check.h"
#include "export/http/http_counters.h"
#include "export/http/http_server.h"
#include "export/metrics/series_writer.h"
#include "export/metrics/sink_metrics.h"
#include "io/frame_source.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// A count of the XDP program, by verdict.
struct XdpCount {
  std::string interface;
  std::string verdict;
  std::uint64_t frames = 0;
};

/// Where the numbers come from; all callable from the HTTP threads.
struct SelfMetricsInput {
  const pipeline::TableView* tables = nullptr;
  std::vector<const io::FrameSource*> sources{};
  std::function<std::vector<XdpCount>()> xdp{};
  std::function<std::vector<SinkCount>()> sinks{};
  std::function<std::vector<HealthCheck>()> health{};
  const HttpCounters* http = nullptr;
  /// Series that this scrape leaves out, by what they are of.
  std::vector<std::pair<std::string, std::uint64_t>> suppressed{};
  /// Answers to scrapes so far, by how they ended.
  std::vector<std::pair<std::string_view, std::uint64_t>> scrapes{};
};

/// Collectables as one.
class CollectableList final : public prometheus::Collectable {
 public:
  void add(std::unique_ptr<prometheus::Collectable> part) { parts_.push_back(std::move(part)); }
  /// The families of all parts, in the order of families.h.
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  std::vector<std::unique_ptr<prometheus::Collectable>> parts_;
};

[[nodiscard]] std::vector<prometheus::MetricFamily> collect_self_metrics(
    const SelfMetricsInput& input);

/// Writes them in any format.
void write_self_metrics(const SelfMetricsInput& input, SeriesWriter& out);

}  // namespace hopscope::exporter
