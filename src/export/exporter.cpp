#include "export/exporter.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <utility>

#include "export/exposition.h"
#include "export/sources_json.h"
#include "export/text_encoder.h"

namespace hopscope::exporter {
namespace {

constexpr std::size_t kEventBatch = 512;
constexpr auto kIdle = std::chrono::milliseconds(2);

}  // namespace

Exporter::Exporter(const ExportOptions& options, const pipeline::SwitchOptions& switches,
                   ExporterInput input)
    : names_(switches, input.formats),
      input_(std::move(input)),
      options_(options),
      exemplars_(switches),
      scrapes_(options.flows, options.max_series, names_,
               [this](SeriesWriter& out) { write(out); }),
      batch_(kEventBatch) {
  // A reader of the event file or of a scrape may go away at any time.
  signal(SIGPIPE, SIG_IGN);
  if (options.event_file.enabled) {
    sinks_.push_back(std::make_unique<NdjsonSink>(options.event_file.path, names_));
  }
  if (options.http.enabled) {
    http_ = std::make_unique<HttpServer>(
        options.http,
        HttpHandlers{
            .metrics = [this](const ScrapeRequest& request,
                              ScrapeResponse& response) { scrapes_.answer(request, response); },
            .scrape_refused = [this] { scrapes_.count_refused(); },
            .health = input_.health,
            .ready = input_.ready,
            .sources = [this] { return sources_json(input_.tables, names_).dump() + "\n"; }},
        http_counters_);
  }
}

Exporter::~Exporter() {
  stop();
  close();
}

void Exporter::start() {
  run_ = true;
  thread_ = std::thread([this] { run(); });
}

void Exporter::stop() {
  for (const auto& sink : sinks_) sink->hurry();
  run_ = false;
  if (thread_.joinable()) thread_.join();
}

void Exporter::close() {
  http_.reset();
}

void Exporter::run() {
  pthread_setname_np(pthread_self(), "exporter");
  while (run_.load()) {
    if (reopen_.exchange(false)) {
      for (const auto& sink : sinks_) {
        const std::string wrong = sink->reopen();
        if (!wrong.empty() && input_.warn) input_.warn(wrong);
      }
      const std::string wrong = http_ ? http_->reload() : "";
      if (!wrong.empty() && input_.warn) input_.warn(wrong);
    }
    if (drain() == 0) std::this_thread::sleep_for(kIdle);
  }
  drain();
}

std::size_t Exporter::drain() {
  std::size_t total = 0;
  while (const std::size_t count = input_.take_events(batch_)) {
    const std::span<const pipeline::Event> events(batch_.data(), count);
    exemplars_.take(events);
    for (const auto& sink : sinks_) sink->write(events);
    total += count;
  }
  return total;
}

std::uint64_t Exporter::events_failed() const noexcept {
  std::uint64_t failed = 0;
  for (const auto& sink : sinks_) failed += sink->failed();
  return failed;
}

void Exporter::render(const PieceSink& sink) const {
  TextEncoder encoder(TextFormat::kPrometheus, sink);
  const ScrapeView everything;
  SeriesWriter out(encoder, everything, options_.max_series);
  write(out);
  out.finish();
}

void Exporter::write(SeriesWriter& out) const {
  const auto sink_counts = [this] {
    std::vector<SinkCount> counts;
    for (const auto& one : sinks_) {
      counts.push_back({.sink = one->name(), .events = one->written(), .failed = one->failed()});
    }
    return counts;
  };
  write_exposition({.tables = &input_.tables,
                    .sources = input_.sources,
                    .xdp = input_.xdp,
                    .sinks = sink_counts,
                    .http = &http_counters_,
                    .scrapes = scrapes_.counts()},
                   options_.flows, names_, &exemplars_, out);
}

}  // namespace hopscope::exporter
