#include "app/forecast/size.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "app/capture.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::app {
namespace {

using exporter::ExampleSize;

/// The configured switches first, then unused ids.
std::vector<std::uint32_t> switch_ids(const Config& config, std::uint64_t count) {
  std::vector<std::uint32_t> ids;
  for (const auto& entry : config.switches.by_id) ids.push_back(entry.first);
  ids.resize(std::min<std::size_t>(ids.size(), count));
  for (std::uint32_t id = 1; ids.size() < count; ++id) {
    if (!config.switches.by_id.contains(id)) ids.push_back(id);
  }
  return ids;
}

bool has_clocks(const pipeline::SwitchOptions& switches) {
  return !switches.defaults.clock.empty() ||
         std::any_of(switches.by_id.begin(), switches.by_id.end(),
                     [](const auto& entry) { return !entry.second.clock.empty(); });
}

/// Fits the wanted rows into the tables and notes what does not fit.
class Fitting {
 public:
  Fitting(std::uint64_t workers, std::vector<std::string>& left_out)
      : workers_(workers), left_out_(left_out) {}

  /// The smaller of `wanted` and `rows`, with a note if that is not all.
  std::uint64_t fit(std::string_view what, std::uint64_t wanted, std::string_view option,
                    std::uint64_t rows) {
    return fit(what, wanted, rows, fmt::format("{} is {}", option, rows));
  }
  /// The same for a table with different rows in each worker.
  std::uint64_t fit_all_workers(std::string_view what, std::uint64_t wanted,
                                std::string_view option, std::uint64_t rows) {
    const std::string each = workers_ > 1 ? fmt::format(" for each of {} workers", workers_) : "";
    return fit(what, wanted, rows * workers_, fmt::format("{} is {}{}", option, rows, each));
  }

 private:
  std::uint64_t fit(std::string_view what, std::uint64_t wanted, std::uint64_t rows,
                    const std::string& why) {
    if (wanted <= rows) return wanted;
    left_out_.push_back(
        fmt::format("{}: {} of {} are left out, {}", what, wanted - rows, wanted, why));
    return rows;
  }

  const std::uint64_t workers_;
  std::vector<std::string>& left_out_;
};

/// Rows of all switches together. Each worker has its own tables of these and sees all switches, so
/// they count once.
void fit_rows(const pipeline::TableOptions& tables, Fitting& fitting, ExampleSize& size) {
  size.max_ports = fitting.fit("ports", size.all_ports(), "tables.ports", tables.ports);
  size.max_overflow_queues =
      fitting.fit("queues beyond the eight of a port", size.all_overflow_queues(),
                  "tables.queue_overflow", tables.queue_overflow);
  size.max_drops = fitting.fit("drop reasons of switches", size.all_drops(), "tables.drop_reasons",
                               tables.drop_reasons);
  size.max_links = fitting.fit("links", size.all_links(), "tables.links", tables.links);
}

/// Flows, senders and keys are known to one worker each. The table of flows is divided among the
/// workers, the others are not.
void fit_keys(const pipeline::TableOptions& tables, Fitting& fitting, std::uint64_t flows,
              ExampleSize& size) {
  size.max_senders = fitting.fit_all_workers("senders of reports", size.all_senders(),
                                             "tables.sequences", tables.sequences);
  size.flows = fitting.fit("flows", flows, "tables.flows_ipv4", tables.flows_ipv4);
  if (size.formats == 0) return;
  const std::uint64_t keys = fitting.fit_all_workers("keys of headers", flows * size.formats,
                                                     "tables.formats", tables.formats);
  size.keys_a_format = keys / size.formats;
}

/// Lines of the text format, before any cap on families.
std::uint64_t series_of(const ExampleSize& size, const Config& config) {
  const exporter::FlowSeriesOptions options = config.exports.fitting_flows();
  std::uint64_t flows = 0;
  if (options.series != exporter::FlowSeries::kOff) flows = options.max_series;
  if (options.series == exporter::FlowSeries::kTopK) {
    flows = std::min<std::uint64_t>(flows, options.top_k);
  }
  constexpr std::uint64_t kFamiliesOfAFlow = 4;  // those without hops
  constexpr std::uint64_t kFamiliesOfASender = 6;
  constexpr std::uint64_t kLinesOfAHistogram = pipeline::kLatencyBuckets + 2;
  std::uint64_t series = std::min(flows, size.flows) * (kFamiliesOfAFlow + size.hops);
  series += size.switches.size() * kLinesOfAHistogram;
  series += size.all_ports() + size.all_queues() + size.all_drops() + size.all_links();
  series += size.all_senders() * kFamiliesOfASender;
  for (const pipeline::CustomHeaderConfig& format : config.decode.formats) {
    series += size.keys_a_format * (1 + (format.drop.empty() ? 0 : 1) + format.measurements.size());
  }
  return series;
}

}  // namespace

FittingSize fitting_size(const Config& config, const FabricSize& wanted) {
  FittingSize result;
  Fitting fitting(config.workers.size(), result.left_out);
  ExampleSize& size = result.size;
  std::uint64_t switches = wanted.switches;
  if (switches == 0) switches = std::max<std::uint64_t>(1, config.switches.by_id.size());
  size.switches = switch_ids(
      config, fitting.fit("switches", switches, "tables.switches", config.tables.switches));
  size.ports = wanted.ports;
  size.queues = wanted.queues;
  size.hops = wanted.hops;
  size.links = has_clocks(config.switches) ? wanted.ports : 0;
  size.formats = static_cast<std::uint32_t>(config.decode.formats.size());
  size.workers = static_cast<std::uint32_t>(config.workers.size());
  fit_rows(config.tables, fitting, size);
  fit_keys(config.tables, fitting, wanted.flows, size);
  return result;
}

void require_renderable(const ExampleSize& size, const Config& config) {
  const std::uint64_t series = series_of(size, config);
  if (series <= kMaxForecastSeries) return;
  throw UsageError(fmt::format(
      "this comes to {} series; forecast renders {} at the most, more than any consumer "
      "takes in an answer: ask for fewer switches, ports, queues or flows",
      series, kMaxForecastSeries));
}

}  // namespace hopscope::app
