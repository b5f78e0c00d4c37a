#pragma once
// The collector's own few hundred series, through prometheus-cpp: built at scrape time from
// counters that others keep.

#include <prometheus/metric_family.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/http/health_check.h"
#include "export/http/http_counters.h"
#include "export/http/http_server.h"
#include "export/metrics/series_writer.h"
#include "export/sinks/delivery/counts.h"
#include "io/frame_source.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// A count of the XDP program, by verdict.
struct XdpCount {
  std::string interface;
  std::string verdict;
  std::uint64_t frames = 0;
};

struct SinkCount {
  std::string sink;
  std::string kind;
  DeliveryCounts counts;
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

[[nodiscard]] std::vector<prometheus::MetricFamily> collect_self_metrics(
    const SelfMetricsInput& input);

/// Writes them in any format.
void write_self_metrics(const SelfMetricsInput& input, SeriesWriter& out);

}  // namespace hopscope::exporter
