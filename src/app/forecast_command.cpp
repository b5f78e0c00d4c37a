#include "app/forecast_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/config_load.h"
#include "app/standard_output.h"
#include "export/example_tables.h"
#include "export/exposition.h"
#include "export/gzip_stream.h"
#include "export/protobuf_encoder.h"
#include "export/text_encoder.h"

namespace hopscope::app {
namespace {

using exporter::Encoder;
using exporter::SeriesWriter;

struct Arguments {
  std::string config;
  std::uint32_t switches = 0;
  std::uint32_t ports = 32;
  std::uint32_t queues = 8;
  std::uint64_t flows = 100'000;
  std::uint32_t hops = 3;
};

constexpr const char* kFooter =
    "The families are rendered by the code that answers scrapes, with the options of the\n"
    "configuration, over a fabric of the given size in which every value is reported. One\n"
    "series of the text format is one line; a histogram has 28. Native histograms make one\n"
    "series of these where Prometheus takes them. Each switch is one sender of reports and\n"
    "drops packets for three reasons.\n"
    "\n"
    "Exit status: 0, also when a limit of a consumer is passed; 2 for a configuration that is\n"
    "wrong.";

/// A source that only says what it is, so that its series are there.
class NoSource final : public io::FrameSource {
 public:
  NoSource(const io::ReceiveOptions& options, unsigned queue) : options_(options), queue_(queue) {}

  std::size_t receive(io::FrameBatch& /*batch*/) noexcept override { return 0; }
  void release(const io::FrameHandle* /*handles*/, std::size_t /*count*/) noexcept override {}
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return true; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return 0; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override {
    const bool is_udp = options_.source == io::SourceKind::kUdp;
    return {.kind = is_udp ? "udp" : "af_xdp",
            .interface = options_.af_xdp.interface,
            .queue = queue_,
            .mode = is_udp ? "socket" : "native",
            .zero_copy = true,
            .reason = ""};
  }

 private:
  const io::ReceiveOptions& options_;
  const unsigned queue_;
};

/// The configured switches first, then ids that are free.
std::vector<std::uint32_t> switch_ids(const Config& config, std::uint32_t count) {
  std::vector<std::uint32_t> ids;
  for (const auto& entry : config.switches.by_id) ids.push_back(entry.first);
  if (count == 0) count = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(ids.size()));
  ids.resize(std::min<std::size_t>(ids.size(), count));
  for (std::uint32_t id = 1; ids.size() < count; ++id) {
    if (!config.switches.by_id.contains(id)) ids.push_back(id);
  }
  return ids;
}

/// As many as the tables have room for.
exporter::ExampleSize size_of(const Config& config, const Arguments& arguments) {
  const pipeline::TableOptions& tables = config.tables;
  exporter::ExampleSize size;
  size.switches = switch_ids(config, arguments.switches);
  const bool has_clocks =
      !config.switches.defaults.clock.empty() ||
      std::any_of(config.switches.by_id.begin(), config.switches.by_id.end(),
                  [](const auto& entry) { return !entry.second.clock.empty(); });
  size.ports = arguments.ports;
  size.queues = arguments.queues;
  size.flows = std::min<std::uint64_t>(arguments.flows, tables.flows_ipv4);
  size.hops = arguments.hops;
  size.links = has_clocks ? arguments.ports : 0;
  size.formats = static_cast<std::uint32_t>(config.decode.formats.size());
  size.keys_a_format = std::min<std::uint64_t>(arguments.flows, tables.formats);
  size.workers = static_cast<std::uint32_t>(config.workers.size());
  return size;
}

struct Rendered {
  std::vector<SeriesWriter::Count> families;
  std::uint64_t series = 0;
  std::uint64_t bytes = 0;
  std::uint64_t zipped = 0;
};

class Forecast {
 public:
  Forecast(const Config& config, const Arguments& arguments)
      : config_(config),
        names_(config.switches, config.decode.formats),
        size_(size_of(config, arguments)),
        tables_(size_) {
    for (const io::WorkerOptions& worker : config_.workers) {
      sources_.push_back(std::make_unique<NoSource>(config_.receive, worker.queue));
    }
  }

  [[nodiscard]] const exporter::ExampleSize& size() const noexcept { return size_; }

  template <typename Make>
  [[nodiscard]] Rendered render(const Make& make_encoder) const {
    Rendered rendered;
    exporter::GzipStream gzip([&](std::string_view piece) {
      rendered.zipped += piece.size();
      return true;
    });
    const std::unique_ptr<Encoder> encoder =
        make_encoder([&](std::string_view piece) { return gzip.write(piece); });
    const exporter::ScrapeView everything;
    SeriesWriter out(*encoder, everything, config_.exports.max_series);
    std::vector<const io::FrameSource*> sources;
    for (const auto& source : sources_) sources.push_back(source.get());
    exporter::write_exposition({.tables = &tables_,
                                .sources = std::move(sources),
                                .xdp =
                                    [this] {
                                      return std::vector<exporter::XdpCount>{
                                          {config_.receive.af_xdp.interface, "redirected", 1},
                                          {config_.receive.af_xdp.interface, "passed", 1}};
                                    }},
                               config_.exports.flows, names_, nullptr, out);
    out.finish();
    gzip.finish();
    rendered.families = out.counts();
    rendered.bytes = encoder->bytes();
    for (const auto& family : rendered.families) rendered.series += family.series;
    return rendered;
  }

 private:
  const Config& config_;
  const exporter::Names names_;
  const exporter::ExampleSize size_;
  const exporter::ExampleTables tables_;
  std::vector<std::unique_ptr<NoSource>> sources_;
};

std::string mib(std::uint64_t bytes) {
  return fmt::format("{:.2f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void append_hints(std::string& text, const Rendered& plain, const Config& config) {
  constexpr std::uint64_t kManySeries = 100'000;
  constexpr std::uint64_t kManyBytes = 12ULL << 20;
  constexpr std::uint64_t kVictoriaBytes = 16ULL << 20;
  constexpr std::uint64_t kGoodShard = 50'000;
  std::vector<std::string> hints;
  if (plain.series > kManySeries || plain.bytes > kManyBytes) {
    hints.push_back(
        fmt::format("more than {} series or 12 MiB an answer: scrape it in {} shards "
                    "(/metrics?shard=0/{}, ...), or fewer families (families=)",
                    kManySeries, plain.series / kGoodShard + 1, plain.series / kGoodShard + 1));
  }
  if (plain.bytes > kVictoriaBytes) {
    hints.emplace_back(
        "more than 16 MiB: VictoriaMetrics and vmagent refuse it unless "
        "-promscrape.maxScrapeSize is raised and stream_parse is on");
  }
  hints.push_back(
      fmt::format("a sample_limit in Prometheus' scrape job must be above {}", plain.series));
  for (const SeriesWriter::Count& family : plain.families) {
    if (family.suppressed == 0) continue;
    hints.push_back(fmt::format("{}: {} series are left out, export.max_series is {}",
                                family.family, family.suppressed, config.exports.max_series));
  }
  for (const std::string& hint : hints) text += fmt::format("* {}\n", hint);
}

int forecast(const Arguments& arguments) {
  const Config config = load_config(arguments.config, Use::kOffline);
  const Forecast forecast(config, arguments);
  const exporter::ExampleSize& size = forecast.size();
  const Rendered plain = forecast.render([](exporter::PieceSink sink) -> std::unique_ptr<Encoder> {
    return std::make_unique<exporter::TextEncoder>(exporter::TextFormat::kPrometheus,
                                                   std::move(sink));
  });
  const Rendered open = forecast.render([](exporter::PieceSink sink) -> std::unique_ptr<Encoder> {
    return std::make_unique<exporter::TextEncoder>(exporter::TextFormat::kOpenMetrics,
                                                   std::move(sink));
  });
  const Rendered protobuf =
      forecast.render([](exporter::PieceSink sink) -> std::unique_ptr<Encoder> {
        return std::make_unique<exporter::ProtobufEncoder>(std::move(sink));
      });
  std::string text = fmt::format(
      "{} switches of {} ports of {} queues, {} flows over {} hops, {} worker{}\n\n"
      "{:<45} {:>10} {:>13}\n",
      size.switches.size(), size.ports, size.queues, size.flows, size.hops, size.workers,
      size.workers == 1 ? "" : "s", "family", "series", "bytes");
  for (const SeriesWriter::Count& family : plain.families) {
    text += fmt::format("{:<45} {:>10} {:>13}\n", family.family, family.series, family.bytes);
  }
  text += fmt::format("{:<45} {:>10} {:>13}\n\n", "total", plain.series, plain.bytes);
  const auto format = [&](const char* name, const Rendered& rendered) {
    text += fmt::format("{:<12} {:>12}  gzip {:>12}\n", name, mib(rendered.bytes),
                        mib(rendered.zipped));
  };
  format("text", plain);
  format("OpenMetrics", open);
  format("protobuf", protobuf);
  text += '\n';
  append_hints(text, plain, config);
  return finish_output(write_output(text));
}

}  // namespace

void add_forecast_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "forecast", "Say how many series and bytes a configuration will expose, and where too many");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("--config", arguments->config, "Configuration; defaults without it")
      ->check(CLI::ExistingFile);
  constexpr std::uint32_t kMost = 65535;
  command
      ->add_option("--switches", arguments->switches,
                   "Switches; those of the configuration without it, at least one")
      ->check(CLI::Range(1U, kMost));
  command->add_option("--ports", arguments->ports, "Egress ports of a switch")
      ->check(CLI::Range(0U, kMost))
      ->capture_default_str();
  command->add_option("--queues", arguments->queues, "Queues of a port")
      ->check(CLI::Range(0U, 256U))
      ->capture_default_str();
  command->add_option("--flows", arguments->flows, "Flows at a time")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--hops", arguments->hops, "Switches that a flow crosses")
      ->check(CLI::Range(0U, pipeline::kMaxHops))
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([arguments, &status] { status = forecast(*arguments); });
}

}  // namespace hopscope::app
