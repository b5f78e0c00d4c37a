#pragma once
// The export side put together: takes events from the workers on a thread of its own, gives them to
// the sinks, and answers scrapes. Nothing here is shared with a worker but lock-free queues and
// rows read under their sequence numbers.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "export/http/health_check.h"
#include "export/http/http_server.h"
#include "export/metrics/encoding/output_buffer.h"
#include "export/metrics/exemplars.h"
#include "export/metrics/scrape.h"
#include "export/metrics/self_metrics.h"
#include "export/names/names.h"
#include "export/options.h"
#include "export/sinks/delivery/delivery.h"
#include "export/sinks/row_feed.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// What the exporter reads and asks.
struct ExporterInput {
  const pipeline::TableView& tables;
  /// Takes events from the workers' queues; called by one thread.
  std::function<std::size_t(std::span<pipeline::Event>)> take_events;
  std::vector<const io::FrameSource*> sources;
  std::vector<pipeline::CustomHeaderConfig> formats;
  std::function<std::vector<XdpCount>()> xdp;
  std::function<std::vector<HealthCheck>()> health;
  std::function<std::vector<HealthCheck>()> ready;
  /// Told in words what went wrong and went on. May be null.
  std::function<void(const std::string&)> warn{};
};

class Exporter {
 public:
  /// Opens sinks and the HTTP port, as far as the options want them. Throws SetupError.
  Exporter(const ExportOptions& options, const pipeline::SwitchOptions& switches,
           ExporterInput input);
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;
  ~Exporter();

  /// Starts the threads that drain events and tell of rows.
  void start();
  /// Delivers the events that are left, then no more.
  void stop();
  /// Ends the HTTP server; waits for requests under way.
  void close();

  /// Takes events until there are none and lets them wait for their sinks. For inline use instead
  /// of start(), by those who can wait: where a sink is slow, so is this.
  std::size_t drain_patiently();

  /// The whole exposition as text 0.0.4, piece by piece. Any thread.
  void render(const PieceSink& sink) const;

  /// By sink: what became of its records.
  [[nodiscard]] std::vector<SinkCount> sink_counts() const;

  /// Opens files anew, and reads certificates and secrets again (SIGHUP).
  void reopen() noexcept { reopen_.store(true); }

 private:
  void run();
  std::size_t drain();
  void add_sink(const std::string& name, std::unique_ptr<Sink> sink,
                const DeliveryOptions& options);
  [[nodiscard]] std::vector<HealthCheck> health() const;

  void write(SeriesWriter& out) const;

  Names names_;
  ExporterInput input_;
  std::vector<std::unique_ptr<Delivery>> sinks_;
  const ExportOptions options_;
  Exemplars exemplars_;
  ScrapeHandler scrapes_;
  std::vector<pipeline::Event> batch_;
  std::atomic<bool> run_{false};
  std::atomic<bool> reopen_{false};
  std::thread thread_;
  std::unique_ptr<RowFeed> rows_;
  HttpCounters http_counters_;
  std::unique_ptr<HttpServer> http_;  ///< last: its threads use all of the above
};

}  // namespace hopscope::exporter
