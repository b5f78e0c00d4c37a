// The command line. Each subcommand lives in src/app; this adds them and turns errors into exit
// codes: 2 for a wrong command line or configuration, 1 for what the system refuses.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "app/capture.h"
#include "app/config/load.h"
#include "app/config_command.h"
#include "app/cpu_command.h"
#include "app/decode/decode_command.h"
#include "app/forecast/forecast_command.h"
#include "app/generate/generate_command.h"
#include "app/replay/replay_command.h"
#include "app/run/run_command.h"
#include "app/sources_command.h"
#include "base/setup_error.h"

int main(int argc, char** argv) {
  constexpr int kWrongUse = 2;
  int status = 0;
  CLI::App app(
      "hopscope collects In-band Network Telemetry: it receives the reports that programmable\n"
      "switches send, keeps what every flow, hop, port and queue is doing, and serves Prometheus.",
      "hopscope");
  app.set_version_flag("--version", "hopscope " HOPSCOPE_VERSION);
  app.require_subcommand(1);
  app.footer(
      "  hopscope replay capture.pcap           look into a capture\n"
      "  hopscope run --config hopscope.yaml    collect from an interface\n"
      "  hopscope SUBCOMMAND --help             the manual of a subcommand");
  hopscope::app::add_run_command(app, status);
  hopscope::app::add_replay_command(app, status);
  hopscope::app::add_decode_command(app, status);
  hopscope::app::add_sources_command(app, status);
  hopscope::app::add_cpu_command(app, status);
  hopscope::app::add_generate_command(app, status);
  hopscope::app::add_forecast_command(app, status);
  hopscope::app::add_config_commands(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining();
    if (app.get_subcommands().empty() && !unknown.empty()) {
      fmt::print(stderr, "hopscope: no subcommand {}; hopscope --help lists the subcommands\n",
                 unknown.front());
      return kWrongUse;
    }
    app.exit(error);
    return kWrongUse;
  } catch (const hopscope::app::ConfigError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return kWrongUse;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "hopscope: not enough memory; tables: and queues: in the configuration decide "
               "how much is allocated at start\n");
    return 1;
  } catch (const hopscope::app::UsageError& error) {
    fmt::print(stderr, "hopscope: {}\n", error.what());
    return kWrongUse;
  } catch (const hopscope::WrongSettingsError& error) {
    fmt::print(stderr, "hopscope: {}\n", error.what());
    return kWrongUse;
  } catch (const std::exception& error) {
    fmt::print(stderr, "hopscope: {}\n", error.what());
    return 1;
  }
  return status;
}
