#include "app/forecast/forecast_command.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "app/config/load.h"
#include "app/forecast/forecast_scrape.h"
#include "app/forecast/hints.h"
#include "app/forecast/size.h"
#include "app/standard_output.h"

namespace hopscope::app {
namespace {

using exporter::ExpositionFormat;

struct Arguments {
  std::string config;
  FabricSize fabric;
};

constexpr const char* kFooter =
    "The families are rendered by the code that answers scrapes, with the options of the\n"
    "configuration and the series of its sinks, over a fabric of the given size, as far as the\n"
    "tables have room for it. Every value is reported but the congestion status of INT 0.5. One\n"
    "series of the text format is one line; a histogram has 28. Native histograms make one\n"
    "series of these where Prometheus takes them. Each switch is one sender of reports and\n"
    "drops packets for three reasons. All flows are IPv4. Values are made up, with as many digits\n"
    "as measured ones.\n"
    "\n"
    "Exit status: 0, also when a limit of a consumer is passed; 2 for a configuration that is\n"
    "wrong, and for more series than it can render within a minute.";

std::string mib(std::uint64_t bytes) {
  return fmt::format("{:.2f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void append_families(std::string& text, const ForecastAnswer& plain) {
  const auto line = [&](const std::string& name, const auto& series, const auto& bytes) {
    text += fmt::format("{:<45} {:>10} {:>13}\n", name, series, bytes);
  };
  line("family", "series", "bytes");
  for (const auto& family : plain.families) line(family.family, family.series, family.bytes);
  line("total", plain.series, plain.bytes);
}

int forecast(const Arguments& arguments) {
  const Config config = load_config(arguments.config, Use::kOffline);
  const FittingSize fitting = fitting_size(config, arguments.fabric);
  const exporter::ExampleSize& size = fitting.size;
  require_renderable(size, config);
  const ForecastScrape scrape(config, size);
  const ForecastAnswer plain = scrape.render(ExpositionFormat::kText);
  std::string text = fmt::format(
      "{} switches, {} ports and {} queues of them all, {} flows over {} hops, {} worker{}\n\n",
      size.switches.size(), size.all_ports(), size.all_queues(), size.flows, size.hops,
      size.workers, size.workers == 1 ? "" : "s");
  append_families(text, plain);
  text += '\n';
  const auto format = [&](const char* name, const ForecastAnswer& answer) {
    text +=
        fmt::format("{:<12} {:>12}  gzip {:>12}\n", name, mib(answer.bytes), mib(answer.zipped));
  };
  format("text", plain);
  format("OpenMetrics", scrape.render(ExpositionFormat::kOpenMetrics));
  format("protobuf", scrape.render(ExpositionFormat::kProtobuf));
  text += '\n';
  for (const std::string& hint : forecast_hints(fitting, plain, config)) {
    text += fmt::format("* {}\n", hint);
  }
  return finish_output(write_output(text));
}

}  // namespace

void add_forecast_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "forecast",
      "Compute how many series and bytes a configuration will expose, with hints on limits");
  const auto arguments = std::make_shared<Arguments>();
  FabricSize& fabric = arguments->fabric;
  command->add_option("--config", arguments->config, "Configuration; defaults without it")
      ->check(CLI::ExistingFile);
  constexpr std::uint32_t kMax = 65535;
  command
      ->add_option("--switches", fabric.switches,
                   "Switches; those of the configuration without it, at least one")
      ->check(CLI::Range(1U, kMax));
  command->add_option("--ports", fabric.ports, "Egress ports of a switch")
      ->check(CLI::Range(0U, kMax))
      ->capture_default_str();
  command->add_option("--queues", fabric.queues, "Queues of a port")
      ->check(CLI::Range(0U, 256U))
      ->capture_default_str();
  command->add_option("--flows", fabric.flows, "Flows at a time")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--hops", fabric.hops, "Switches that a flow crosses")
      ->check(CLI::Range(0U, pipeline::kMaxHops))
      ->capture_default_str();
  command->footer(kFooter);
  command->callback([arguments, &status] { status = forecast(*arguments); });
}

}  // namespace hopscope::app
