#include "app/replay/replay_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/capture.h"
#include "app/config/load.h"
#include "app/config/values.h"
#include "app/replay/paced_source.h"
#include "app/replay/replay_summary.h"
#include "export/exporter.h"
#include "pipeline/worker/engine.h"

namespace hopscope::app {
namespace {

constexpr const char* kFooter =
    "Neither root nor a network interface is needed. Without --config the defaults apply: reports "
    "on\n"
    "UDP port 32766, INT marked by DSCP 0x17.\n"
    "\n"
    "FILE may be - for the standard output; the summary for people then goes to the standard "
    "error.\n"
    "\n"
    "  hopscope replay capture.pcap\n"
    "  hopscope replay --events - capture.pcap | jq 'select(.kind == \"path_change\")'\n"
    "  hopscope replay --speed captured --http capture.pcap   # and scrape during the replay";

constexpr int kWaitMs = 10;

struct Arguments {
  std::string config;
  std::string speed = "max";
  std::string metrics;
  std::string events;
  std::string summary;
  bool http = false;
  bool push = false;
  std::vector<std::string> captures;
};

std::atomic<bool> interrupted{false};

void request_stop(int) {
  interrupted = true;
}

/// Empty for "max", 1 for "captured", else the multiple of the captured speed.
std::optional<double> speed_factor(const std::string& speed) {
  if (speed == "max") return std::nullopt;
  if (speed == "captured") return 1.0;
  const auto factor = parse_number(speed);
  if (!factor || *factor <= 0) {
    throw CLI::ValidationError("--speed",
                               "is " + speed + "; needs max, captured or a factor above 0");
  }
  return factor;
}

/// Throws UsageError before the replay starts, which may take an hour.
void require_writable(const std::string& path, const std::vector<std::string>& captures) {
  if (path.empty() || path == "-") return;
  for (const std::string& capture : captures) {
    std::error_code none;
    if (std::filesystem::equivalent(path, capture, none)) {
      throw UsageError(path + " is a capture that is replayed; it would be overwritten");
    }
  }
  // Pipes are not opened here: their reader would read end-of-file when this closes.
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && std::filesystem::is_other(status)) return;
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (file == nullptr) throw UsageError("cannot write " + path + ": " + std::strerror(errno));
  std::fclose(file);
}

/// Truncates the file, so that a second run does not append to the first.
void empty_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_regular_file(path, error)) std::filesystem::resize_file(path, 0, error);
}

/// Writes `text` to `path` ("-" is the standard output). True if all of it was written.
bool write_text(const std::string& path, const std::string& text) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "w");
  if (file == nullptr) return false;
  bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  written = std::fflush(file) == 0 && written;
  if (file != stdout) written = std::fclose(file) == 0 && written;
  return written;
}

/// A line that is rewritten, on a terminal only.
class Progress {
 public:
  explicit Progress(const io::PcapSource& source)
      : source_(source), on_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r{:60}\r", "");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::uint64_t frames) {
    if (!on_ || ++calls_ % 1024 != 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(250)) return;
    last_ = now;
    shown_ = true;
    const double percent = source_.bytes_total() == 0
                               ? 100.0
                               : 100.0 * static_cast<double>(source_.bytes_read()) /
                                     static_cast<double>(source_.bytes_total());
    fmt::print(stderr, "\r{:5.1f} %  {} frames", percent, frames);
    std::fflush(stderr);
  }

 private:
  const io::PcapSource& source_;
  const bool on_;
  bool shown_ = false;
  unsigned calls_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

exporter::ExportOptions export_options(const Config& config, const Arguments& arguments) {
  exporter::ExportOptions options = config.exports;
  options.http.enabled = arguments.http;
  options.event_file.enabled = !arguments.events.empty();
  options.event_file.path = arguments.events;
  if (!arguments.push) {
    options.influxdb.clear();
    options.remote_write.clear();
  }
  return options;
}

class Replay {
 public:
  Replay(const Config& config, const Arguments& arguments)
      : arguments_(arguments), capture_(open_captures(arguments.captures)) {
    if (const auto factor = speed_factor(arguments.speed)) paced_.emplace(*capture_, *factor);
    engine_.emplace(pipeline::EngineOptions{.decode = config.decode,
                                            .tables = config.tables,
                                            .events = config.events,
                                            .switches = config.switches,
                                            .queues = config.queues,
                                            .seed = {},  // the same order every time
                                            .cpus = {}},
                    std::vector<io::FrameSource*>{&source()});
    const auto well = [] { return std::vector<exporter::HealthCheck>{{"replay", true, ""}}; };
    exporter_.emplace(
        export_options(config, arguments), config.switches,
        exporter::ExporterInput{
            .tables = *engine_,
            .take_events = [this](auto events) { return engine_->take_events(events); },
            .sources = {capture_.get()},
            .formats = config.decode.formats,
            .xdp = nullptr,
            .health = well,
            .ready = well,
            .warn = [](const std::string& what) { fmt::print(stderr, "hopscope: {}\n", what); }});
  }

  int run() {
    const auto start = std::chrono::steady_clock::now();
    replay();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return report(took.count());
  }

 private:
  [[nodiscard]] io::FrameSource& source() {
    if (paced_) return *paced_;
    return *capture_;
  }

  void replay() {
    Progress progress(*capture_);
    while (!interrupted) {
      const std::size_t work = engine_->run_inline();
      exporter_->drain_patiently();
      progress.update(capture_->statistics().frames);
      if (work != 0) continue;
      if (source().exhausted()) break;
      source().wait(kWaitMs);
    }
    engine_->finish_inline();
    exporter_->drain_patiently();
    exporter_->stop();
  }

  int report(double seconds) {
    nlohmann::ordered_json summary = replay_summary(*engine_, seconds);
    summary["warnings"] = capture_->warnings();
    std::vector<std::string> unwritten;
    const auto write = [&unwritten](const std::string& path, const std::string& text) {
      if (!path.empty() && !write_text(path, text)) unwritten.push_back(path);
    };
    for (const exporter::SinkCount& sink : exporter_->sink_counts()) {
      const std::uint64_t undelivered = sink.counts.produced + sink.counts.recovered -
                                        sink.counts.delivered - sink.counts.in_spool;
      if (sink.counts.in_spool != 0) {
        fmt::print(stderr, "hopscope: sink {}: {} records wait in the spool for the next run\n",
                   sink.sink, sink.counts.in_spool);
      }
      if (undelivered == 0) continue;
      unwritten.push_back(sink.kind == "file"
                              ? arguments_.events
                              : fmt::format("{} of {} records for sink {}", undelivered,
                                            sink.counts.produced + sink.counts.recovered,
                                            sink.sink));
    }
    if (!arguments_.metrics.empty()) write(arguments_.metrics, metrics());
    write(arguments_.summary, summary.dump(2) + "\n");
    const bool stdout_taken =
        arguments_.metrics == "-" || arguments_.events == "-" || arguments_.summary == "-";
    if (stdout_taken) {
      fmt::print(stderr, "{}", replay_text(summary));
    } else {
      write("-", replay_text(summary));
    }
    for (const std::string& warning : capture_->warnings()) {
      fmt::print(stderr, "hopscope: {}\n", warning);
    }
    for (const std::string& path : unwritten) {
      fmt::print(stderr, "hopscope: {} could not be written\n",
                 path == "-" ? "the standard output" : path);
    }
    const bool tells = !arguments_.events.empty() || arguments_.push;
    const std::uint64_t lost = tells ? engine_->total().events_dropped : 0;
    if (lost != 0) {
      fmt::print(stderr, "hopscope: {} events did not fit; queues.event_entries is too small\n",
                 lost);
    }
    return unwritten.empty() && lost == 0 && !interrupted ? 0 : 1;
  }

  [[nodiscard]] std::string metrics() const {
    std::string text;
    exporter_->render([&text](std::string_view piece) {
      text += piece;
      return true;
    });
    return text;
  }

  const Arguments& arguments_;
  std::unique_ptr<io::PcapSource> capture_;
  std::optional<PacedSource> paced_;
  std::optional<pipeline::Engine> engine_;
  std::optional<exporter::Exporter> exporter_;
};

int run(const Arguments& arguments) {
  const Config config = load_config(arguments.config, Use::kOffline);
  for (const std::string& path : {arguments.events, arguments.metrics, arguments.summary}) {
    require_writable(path, arguments.captures);
  }
  empty_file(arguments.events);
  Replay replay(config, arguments);
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  return replay.run();
}

}  // namespace

void add_replay_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "replay", "Run the whole pipeline over captures; needs no root and no NIC");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--config", arguments->config, "Configuration; defaults without it")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--speed", arguments->speed,
                   "max, captured (as fast as it was captured), or a multiple of that")
      ->capture_default_str();
  command->add_option("--metrics", arguments->metrics,
                      "Write what /metrics would show at the end to FILE");
  command->add_option("--events", arguments->events, "Write events to FILE as JSON lines");
  command->add_option("--summary", arguments->summary, "Write the summary to FILE as JSON");
  command->add_flag("--push", arguments->push,
                    "Push events to the sinks of the configuration; waits for slow sinks");
  command->add_flag("--http", arguments->http,
                    "Serve /metrics during the replay (export.http.listen)");
  command->add_option("CAPTURE", arguments->captures, "pcap or pcapng files, in this order")
      ->required()
      ->check(CLI::ExistingFile);
  command->footer(kFooter);
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace hopscope::app
