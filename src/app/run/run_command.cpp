#include "app/run/run_command.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <string>

#include "app/config/load.h"
#include "app/run/collector.h"
#include "export/http/http_security.h"

namespace hopscope::app {
namespace {

constexpr const char* kFooter =
    "Receiving with AF_XDP needs root, or CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF. The mode that "
    "was\n"
    "reached (driver or generic, zero-copy or copy) and why it is not better is logged at the "
    "start\n"
    "and is the metric hopscope_xdp_mode_info.\n"
    "\n"
    "SIGTERM and SIGINT detach the XDP program, finish what is under way and exit with 0.\n"
    "SIGHUP reopens the event file, for log rotation, and reads certificates, passwords and\n"
    "tokens of export.http and of sinks again.\n"
    "\n"
    "Exit status: 0 after a signal; 1 when the system refuses something; 2 for a configuration "
    "that\n"
    "is wrong, with every mistake and its line.";

void set_up_log(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("hopscope");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level == "error" ? "err" : level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

int run(const std::string& path) {
  const Config config = load_config(path, Use::kReceive);
  set_up_log(config.log.level);
  Collector::block_signals();
  Collector collector(config);
  if (config.exports.http.enabled) {
    const exporter::HttpOptions& http = config.exports.http;
    spdlog::info("metrics at {}://{}/metrics", http.tls.enabled() ? "https" : "http", http.listen);
    for (const std::string& warning : exporter::security_warnings(http)) {
      spdlog::warn("{}", warning);
    }
  }
  collector.run();
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("run", "Collect reports from a network interface");
  const auto path = std::make_shared<std::string>();
  command->add_option("--config", *path, "Configuration file")
      ->required()
      ->check(CLI::ExistingFile);
  command->footer(kFooter);
  command->callback([path, &status] { status = run(*path); });
}

}  // namespace hopscope::app
