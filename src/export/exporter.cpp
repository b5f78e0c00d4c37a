#include "export/exporter.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/wall_clock.h"
#include "export/metrics/encoding/text_encoder.h"
#include "export/metrics/exposition.h"
#include "export/sinks/file/file_sink.h"
#include "export/sinks/influx/influx_sink.h"
#include "export/sinks/remote_write/remote_write_sink.h"
#include "export/sources_json.h"

namespace hopscope::exporter {
namespace {

constexpr std::size_t kEventBatch = 512;
/// Batches before the exporter looks at what else there is.
constexpr std::size_t kMaxRounds = 64;
constexpr auto kIdle = std::chrono::milliseconds(2);
/// So long a replay waits for a sink that takes nothing.
constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

Exporter::Exporter(const ExportOptions& options, const pipeline::SwitchOptions& switches,
                   ExporterInput input)
    : names_(switches, input.formats),
      input_(std::move(input)),
      options_(options),
      exemplars_(switches),
      scrapes_(options_.fitting_flows(), options_.max_series, names_,
               [this](SeriesWriter& out) { write(out); }),
      batch_(kEventBatch) {
  // A reader of the event file or of a scrape may go away at any time.
  signal(SIGPIPE, SIG_IGN);
  if (options.event_file.enabled) {
    add_sink("events", std::make_unique<FileSink>(options.event_file.path, names_),
             options.event_file.delivery);
  }
  for (const InfluxOptions& influx : options.influxdb) {
    add_sink(influx.name, std::make_unique<InfluxSink>(influx, names_), influx.delivery);
  }
  for (RemoteWriteOptions remote : options.remote_write) {
    // Without rows, series that events have made do not end for want of them.
    remote.values = remote.values && options.values_interval_s > 0;
    add_sink(remote.name, std::make_unique<RemoteWriteSink>(remote, names_), remote.delivery);
  }
  if (options.http.enabled) {
    http_ = std::make_unique<HttpServer>(
        options.http,
        HttpHandlers{
            .metrics = [this](const ScrapeRequest& request,
                              ScrapeResponse& response) { scrapes_.answer(request, response); },
            .scrape_refused = [this] { scrapes_.count_refused(); },
            .health = [this] { return health(); },
            .ready = input_.ready,
            .sources =
                [this] {
                  return sources_json(input_.tables, names_)
                             .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                         "\n";
                }},
        http_counters_);
  }
  for (const auto& sink : sinks_) sink->start();
  rows_ = std::make_unique<RowFeed>(options.values_interval_s, input_.tables,
                                    [this](const RowFeed::Tell& tell) {
                                      for (const auto& sink : sinks_) tell(*sink);
                                    });
}

Exporter::~Exporter() {
  stop();
  close();
}

void Exporter::add_sink(const std::string& name, std::unique_ptr<Sink> sink,
                        const DeliveryOptions& options) {
  sinks_.push_back(std::make_unique<Delivery>(name, std::move(sink), options, input_.warn));
}

void Exporter::start() {
  run_ = true;
  thread_ = std::thread([this] { run(); });
  rows_->start();
}

void Exporter::stop() {
  run_ = false;
  if (thread_.joinable()) thread_.join();
  rows_->stop();
  // All at once: each may take its time.
  std::vector<std::thread> ends;
  for (const auto& sink : sinks_) ends.emplace_back([&sink] { sink->stop(); });
  for (std::thread& end : ends) end.join();
}

void Exporter::close() {
  http_.reset();
}

void Exporter::run() {
  pthread_setname_np(pthread_self(), "exporter");
  while (run_.load()) {
    if (reopen_.exchange(false)) {
      for (const auto& sink : sinks_) sink->reopen();
      const std::string wrong = http_ ? http_->reload() : "";
      if (!wrong.empty() && input_.warn) input_.warn(wrong);
    }
    if (drain() == 0) std::this_thread::sleep_for(kIdle);
  }
  while (drain() != 0) {
  }
}

std::size_t Exporter::drain() {
  std::size_t total = 0;
  for (std::size_t round = 0; round < kMaxRounds; ++round) {
    const std::size_t count = input_.take_events(batch_);
    if (count == 0) break;
    const std::span<const pipeline::Event> events(batch_.data(), count);
    exemplars_.take(events);
    for (const auto& sink : sinks_) sink->offer(events, wall_ns());
    total += count;
  }
  return total;
}

std::size_t Exporter::drain_patiently() {
  std::size_t total = 0;
  while (true) {
    for (const auto& sink : sinks_) sink->wait_for_room(kPatience);
    const std::size_t count = drain();
    if (count == 0) return total;
    total += count;
  }
}

std::vector<SinkCount> Exporter::sink_counts() const {
  std::vector<SinkCount> counts;
  for (const auto& sink : sinks_) {
    counts.push_back(
        {.sink = sink->name(), .kind = std::string(sink->kind()), .counts = sink->counts()});
  }
  return counts;
}

/// A sink in trouble does not make the collector ill: to start it anew would mend nothing.
std::vector<HealthCheck> Exporter::health() const {
  std::vector<HealthCheck> checks = input_.health();
  for (const auto& sink : sinks_) {
    const DeliveryCounts counts = sink->counts();
    std::string detail(label(counts.state));
    if (counts.state != SinkState::kOk) {
      detail += fmt::format(": {} records wait", counts.in_memory + counts.in_spool);
    }
    // A failing disk too, though nothing has to go there now.
    const std::string trouble = sink->trouble();
    if (!trouble.empty()) detail += "; " + trouble;
    checks.push_back({.name = "sink-" + sink->name(), .ok = true, .detail = detail});
  }
  return checks;
}

void Exporter::render(const PieceSink& sink) const {
  TextEncoder encoder(TextFormat::kPrometheus, sink);
  const ScrapeView everything;
  SeriesWriter out(encoder, everything, options_.max_series);
  write(out);
  out.finish();
}

void Exporter::write(SeriesWriter& out) const {
  write_exposition({.tables = &input_.tables,
                    .sources = input_.sources,
                    .xdp = input_.xdp,
                    .sinks = [this] { return sink_counts(); },
                    .health = input_.health,
                    .http = &http_counters_,
                    .scrapes = scrapes_.counts()},
                   options_.fitting_flows(), names_, &exemplars_, out);
}

}  // namespace hopscope::exporter
