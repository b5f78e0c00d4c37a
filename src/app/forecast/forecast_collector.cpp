#include "app/forecast/forecast_collector.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "export/metrics/scrape.h"
#include "io/af_xdp/xdp_program.h"

namespace hopscope::app {
namespace {

// Counts with as many digits as those of a collector that has run for some weeks; their values do
// not matter.
constexpr std::uint64_t kFrames = 1'284'760'993;
constexpr std::uint64_t kFew = 3'471;
constexpr std::uint64_t kSome = 61'802;
constexpr std::uint64_t kMany = 40'713'596;

/// A source that only describes itself.
class NoSource final : public io::FrameSource {
 public:
  NoSource(const io::ReceiveOptions& options, unsigned queue) : options_(options), queue_(queue) {}

  std::size_t receive(io::FrameBatch& /*batch*/) noexcept override { return 0; }
  void release(const io::FrameHandle* /*handles*/, std::size_t /*count*/) noexcept override {}
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return true; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return 0; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override;
  [[nodiscard]] io::SourceDescription description() const override {
    const bool is_udp = options_.source == io::SourceKind::kUdp;
    return {.kind = is_udp ? "udp" : "af_xdp",
            .interface = is_udp ? options_.udp.listen : options_.af_xdp.interface,
            .queue = queue_,
            .mode = is_udp ? "socket" : "native",
            .zero_copy = !is_udp,
            .reason = ""};
  }

 private:
  const io::ReceiveOptions& options_;
  const unsigned queue_;
};

io::SourceStatistics NoSource::statistics() const noexcept {
  io::SourceStatistics counts;
  counts.frames = kFrames + queue_;
  counts.polls = 9 * kMany + queue_;
  counts.empty_polls = 3 * kMany + queue_;
  counts.wakeups = kMany + queue_;
  counts.lost = kFew + queue_;
  counts.multi_buffer_frames = kSome;
  counts.multi_buffer_too_long = kFew;
  counts.xsk_rx_dropped = kFew;
  counts.xsk_rx_ring_full = kSome;
  counts.xsk_rx_fill_ring_empty_descs = kSome;
  counts.frames_total = options_.af_xdp.frames;
  counts.frames_in_fill = options_.af_xdp.frames / 2;
  counts.frames_in_rx = options_.af_xdp.frames / 4;
  counts.frames_held = options_.af_xdp.frames / 4;
  return counts;
}

exporter::SinkCount sink_count(std::string name, std::string kind,
                               const exporter::DeliveryOptions& options) {
  exporter::DeliveryCounts counts;
  counts.delivered = kFrames;
  counts.in_memory = options.batch_records;
  counts.dropped.fill(kFew);
  counts.batches = kFrames / options.batch_records;
  counts.bytes_delivered = 150 * kFrames;
  counts.retries = kFew;
  counts.suppressed = kFew;
  if (!options.spool.directory.empty()) {
    counts.recovered = kSome;
    counts.in_spool = kSome;
    counts.spool_bytes = options.spool.segment_bytes;
    counts.spool_unwritten = kFew;
    counts.spool_kept = kSome;
    counts.sent_again = kFew;
  }
  counts.produced = counts.delivered + counts.in_memory + counts.in_spool +
                    exporter::sum_of(counts.dropped) - counts.recovered;
  return {.sink = std::move(name), .kind = std::move(kind), .counts = counts};
}

/// Answers to scrapes by how they ended, with the labels that the handler has for them.
std::vector<std::pair<std::string_view, std::uint64_t>> scrapes() {
  const exporter::Names names{pipeline::SwitchOptions{}};
  auto counts = exporter::ScrapeHandler({}, 0, names, nullptr).counts();
  for (auto& [result, count] : counts) count = kFew;
  return counts;
}

}  // namespace

ForecastCollector::ForecastCollector(const Config& config) : config_(config), scrapes_(scrapes()) {
  for (const io::WorkerOptions& worker : config_.workers) {
    sources_.push_back(std::make_unique<NoSource>(config_.receive, worker.queue));
  }
  for (std::uint64_t i = 0; i < kFew; ++i) {
    for (const int code : exporter::HttpCounters::kCodes) http_.answered(code);
    for (std::size_t reason = 0; reason < exporter::kHttpRefusalLabels.size(); ++reason) {
      http_.refused(static_cast<exporter::HttpRefusal>(reason));
    }
  }
  http_.opened();
}

exporter::SelfMetricsInput ForecastCollector::self(const pipeline::TableView& tables) const {
  std::vector<const io::FrameSource*> sources;
  for (const auto& source : sources_) sources.push_back(source.get());
  return {.tables = &tables,
          .sources = std::move(sources),
          .xdp = [this] { return xdp(); },
          .sinks = [this] { return sinks(); },
          .health = [this] { return health(); },
          .http = &http_,
          .scrapes = scrapes_};
}

/// As Receiver::xdp_counts().
std::vector<exporter::XdpCount> ForecastCollector::xdp() const {
  if (config_.receive.source != io::SourceKind::kAfXdp) return {};
  const std::string& interface = config_.receive.af_xdp.interface;
  std::vector<exporter::XdpCount> counts;
  for (const std::string_view verdict : io::kXdpVerdicts) {
    counts.push_back({interface, std::string(verdict), counts.empty() ? kFrames : kSome});
  }
  return counts;
}

/// As Exporter has them.
std::vector<exporter::SinkCount> ForecastCollector::sinks() const {
  const exporter::ExportOptions& exports = config_.exports;
  std::vector<exporter::SinkCount> sinks;
  if (exports.event_file.enabled) {
    sinks.push_back(sink_count("events", "file", exports.event_file.delivery));
  }
  for (const exporter::InfluxOptions& influx : exports.influxdb) {
    sinks.push_back(sink_count(influx.name, "influxdb", influx.delivery));
  }
  for (const exporter::RemoteWriteOptions& remote : exports.remote_write) {
    sinks.push_back(sink_count(remote.name, "remote_write", remote.delivery));
  }
  return sinks;
}

/// As Collector::health().
std::vector<exporter::HealthCheck> ForecastCollector::health() const {
  std::vector<exporter::HealthCheck> checks;
  for (std::size_t i = 0; i < config_.workers.size(); ++i) {
    checks.push_back({.name = fmt::format("worker-{}", i), .ok = true, .detail = ""});
  }
  checks.push_back({.name = "receive", .ok = true, .detail = ""});
  return checks;
}

}  // namespace hopscope::app
