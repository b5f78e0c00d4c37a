#include "app/forecast/hints.h"

#include <fmt/format.h>

namespace hopscope::app {
namespace {

using Hints = std::vector<std::string>;

void add_consumer_limits(const ForecastAnswer& plain, Hints& hints) {
  constexpr std::uint64_t kManySeries = 100'000;
  constexpr std::uint64_t kManyBytes = 12ULL << 20;
  constexpr std::uint64_t kVictoriaBytes = 16ULL << 20;
  constexpr std::uint64_t kGoodShard = 50'000;
  if (plain.series > kManySeries || plain.bytes > kManyBytes) {
    const std::uint64_t shards = plain.series / kGoodShard + 1;
    hints.push_back(
        fmt::format("more than {} series or 12 MiB per answer: scrape it in {} shards "
                    "(/metrics?shard=0/{}, ...), or fewer families (families=)",
                    kManySeries, shards, shards));
  }
  if (plain.bytes > kVictoriaBytes) {
    hints.emplace_back(
        "more than 16 MiB: VictoriaMetrics and vmagent refuse it unless "
        "-promscrape.maxScrapeSize is raised and stream_parse is on");
  }
}

/// Flows that a cap leaves without series. Those beyond top_k do not count: that limit is intended.
void add_flow_cap(const FittingSize& fitting, const exporter::ExportOptions& exports,
                  Hints& hints) {
  const exporter::FlowSeriesOptions& flows = exports.flows;
  const std::uint64_t most = exports.fitting_flows().max_series;
  const bool is_top_k = flows.series == exporter::FlowSeries::kTopK;
  if (flows.series == exporter::FlowSeries::kOff || (is_top_k && flows.top_k <= most)) return;
  if (fitting.size.flows <= most) return;
  hints.push_back(fmt::format("{} of {} flows have no series of their own, export.{} is {}",
                              fitting.size.flows - most, fitting.size.flows,
                              most < flows.max_series ? "max_series" : "flows.max_series", most));
}

}  // namespace

std::uint64_t sample_limit_for(std::uint64_t series) {
  const std::uint64_t wanted = series + (series + 4) / 5;
  std::uint64_t unit = 1;
  while (wanted / unit >= 100) unit *= 10;
  return (wanted + unit - 1) / unit * unit;
}

std::vector<std::string> forecast_hints(const FittingSize& fitting, const ForecastAnswer& plain,
                                        const Config& config) {
  Hints hints = fitting.left_out;
  add_consumer_limits(plain, hints);
  hints.push_back(fmt::format(
      "a sample_limit in Prometheus' scrape job: {} or more. It counts what the text format has a "
      "line for, each bucket of a histogram too, or one where native histograms are taken instead. "
      "A fifth is added to {} for what comes while it runs: reasons of drops, senders, families "
      "that are cut",
      sample_limit_for(plain.series), plain.series));
  add_flow_cap(fitting, config.exports, hints);
  for (const exporter::SeriesWriter::Count& family : plain.families) {
    if (family.suppressed == 0) continue;
    hints.push_back(fmt::format("{}: {} series are left out, export.max_series is {}",
                                family.family, family.suppressed, config.exports.max_series));
  }
  return hints;
}

}  // namespace hopscope::app
