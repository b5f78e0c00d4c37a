#include "app/run/collector.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

namespace hopscope::app {
namespace {

constexpr timespec kWatchInterval{.tv_sec = 1, .tv_nsec = 0};
constexpr auto kPatience = std::chrono::milliseconds(500);

sigset_t control_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

pipeline::EngineOptions engine_options(const Config& config) {
  std::vector<int> cpus;
  for (const io::WorkerOptions& worker : config.workers) cpus.push_back(worker.cpu);
  pipeline::DecodeConfig decode = config.decode;
  if (decode.data_packets == pipeline::DataPackets::kAuto) {
    decode.data_packets = pipeline::DataPackets::kOff;
  }
  return {.decode = decode,
          .tables = config.tables,
          .events = config.events,
          .switches = config.switches,
          .queues = config.queues,
          .seed = pipeline::random_hash_seed(),
          .idle = config.receive.idle,
          .cpus = std::move(cpus)};
}

std::unique_ptr<std::atomic<bool>[]> make_moving(std::size_t workers) {
  std::unique_ptr<std::atomic<bool>[]> moving(new std::atomic<bool>[workers]);
  for (std::size_t i = 0; i < workers; ++i) moving[i] = true;
  return moving;
}

/// The maximum time that sinks may take to stop, with a margin.
std::chrono::duration<double> stop_limit(const exporter::ExportOptions& exports) {
  double longest_s = exports.event_file.delivery.stop_timeout_s;
  for (const auto& sink : exports.influxdb) {
    longest_s = std::max(longest_s, sink.delivery.stop_timeout_s);
  }
  for (const auto& sink : exports.remote_write) {
    longest_s = std::max(longest_s, sink.delivery.stop_timeout_s);
  }
  constexpr double kSpareS = 30;
  return std::chrono::duration<double>(longest_s + kSpareS);
}

}  // namespace

Collector::Collector(const Config& config)
    : receiver_(config),
      engine_(engine_options(config), receiver_.sources()),
      cycles_(config.workers.size(), 0),
      moving_(make_moving(config.workers.size())),
      exporter_(config.exports, config.switches,
                exporter::ExporterInput{
                    .tables = engine_,
                    .take_events = [this](auto events) { return engine_.take_events(events); },
                    .sources = watched_sources(),
                    .formats = config.decode.formats,
                    .xdp = [this] { return receiver_.xdp_counts(); },
                    .health = [this] { return health(); },
                    .ready = [this] { return readiness(); },
                    .warn = [](const std::string& what) { spdlog::warn("{}", what); }}),
      stop_limit_(stop_limit(config.exports)) {}

std::vector<const io::FrameSource*> Collector::watched_sources() const {
  const std::vector<io::FrameSource*> sources = receiver_.sources();
  return {sources.begin(), sources.end()};
}

void Collector::block_signals() {
  const sigset_t signals = control_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

std::vector<exporter::HealthCheck> Collector::health() const {
  std::vector<exporter::HealthCheck> checks;
  for (std::size_t i = 0; i < cycles_.size(); ++i) {
    const bool moves = moving_[i];
    checks.push_back({fmt::format("worker-{}", i), moves, moves ? "" : "its loop has stopped"});
  }
  const bool alive = alive_;
  checks.push_back({"receive", alive, alive ? "" : "the interface is gone"});
  return checks;
}

std::vector<exporter::HealthCheck> Collector::readiness() const {
  const bool ready = receiving_ && alive_;
  return {{"receive", ready, ready ? "" : "not receiving"}};
}

int Collector::run() {
  exporter_.start();
  engine_.start();
  receiving_ = true;
  announce();
  const sigset_t signals = control_signals();
  int signal = 0;
  while (signal != SIGTERM && signal != SIGINT) {
    signal = sigtimedwait(&signals, nullptr, &kWatchInterval);
    if (signal == SIGHUP) {
      spdlog::info("SIGHUP: files are reopened, certificates and secrets are read again");
      exporter_.reopen();
    }
    watch();
  }
  spdlog::info("SIG{}: stopping", sigabbrev_np(signal));
  shut_down();
  return signal;
}

void Collector::announce() const {
  for (const io::FrameSource* source : receiver_.sources()) {
    const io::SourceDescription is = source->description();
    spdlog::info("receiving on {} queue {}: {}, {}{}{}{}{}", is.interface, is.queue, is.kind,
                 is.mode,
                 is.kind != "af_xdp" ? ""
                 : is.zero_copy      ? ", zero-copy"
                                     : ", copy",
                 is.huge_pages ? ", huge pages" : "", is.multi_buffer ? ", multi-buffer" : "",
                 is.reason.empty() ? "" : " (" + is.reason + ")");
  }
}

void Collector::watch() {
  for (const std::string& change : receiver_.check()) spdlog::warn("{}", change);
  alive_ = receiver_.alive();
  for (std::size_t i = 0; i < cycles_.size(); ++i) {
    const std::uint64_t now = engine_.cycles(i);
    const bool moves = now != std::exchange(cycles_[i], now);
    if (moves != moving_[i]) {
      spdlog::warn("worker {} {}", i, moves ? "runs again" : "has not run for a second");
    }
    moving_[i] = moves;
  }
}

void Collector::shut_down() {
  receiving_ = false;
  // A disk that never answers would block the shutdown forever.
  std::thread([limit = stop_limit_] {
    std::this_thread::sleep_for(limit);
    spdlog::error("sinks do not stop; their records in memory are lost");
    std::_Exit(1);
  }).detach();
  receiver_.detach();
  engine_.stop();
  exporter_.stop();
  report();
  // Open connections do not delay the shutdown: by now the XDP program is detached, the events are
  // written and the totals are logged.
  std::thread([] {
    std::this_thread::sleep_for(kPatience);
    std::_Exit(0);
  }).detach();
  exporter_.close();
}

void Collector::report() const {
  const pipeline::CounterSnapshot total = engine_.total();
  std::uint64_t refused = 0;
  for (const std::uint64_t count : total.dropped) refused += count;
  spdlog::info("{} frames: {} decoded, {} refused, {} for full queues; {} events lost",
               total.frames, total.decoded, refused, total.handoff_dropped, total.events_dropped);
  for (const exporter::SinkCount& sink : exporter_.sink_counts()) {
    const std::uint64_t dropped = exporter::sum_of(sink.counts.dropped);
    if (dropped + sink.counts.in_spool == 0) continue;
    spdlog::warn("sink {}: {} of {} records dropped, {} wait in the spool for the next start",
                 sink.sink, dropped, sink.counts.produced + sink.counts.recovered,
                 sink.counts.in_spool);
  }
}

}  // namespace hopscope::app
