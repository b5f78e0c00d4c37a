#include "app/config_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "app/config/dump.h"
#include "app/config/load.h"
#include "app/standard_output.h"

namespace hopscope::app {
namespace {

struct Arguments {
  std::string config;
  bool offline = false;
  bool comments = false;
  bool reference = false;
};

int check(const Arguments& arguments) {
  const Config config =
      load_config(arguments.config, arguments.offline ? Use::kOffline : Use::kReceive);
  fmt::print("{}: good; {} worker{}\n", arguments.config, config.workers.size(),
             config.workers.size() == 1 ? "" : "s");
  return finish_output(true);
}

int dump(const Arguments& arguments) {
  const std::string text =
      arguments.reference
          ? config_reference()
          : dump_yaml(load_config(arguments.config, Use::kOffline), arguments.comments);
  return finish_output(write_output(text));
}

}  // namespace

void add_config_commands(CLI::App& app, int& status) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* checker =
      app.add_subcommand("check", "Report every mistake in a configuration, with its line");
  checker->add_option("--config", arguments->config, "Configuration file")
      ->required()
      ->check(CLI::ExistingFile);
  checker->add_flag("--offline", arguments->offline,
                    "Do not check whether this machine has the interface, queues and CPUs");
  checker->footer("Exit status: 0 if the configuration is valid, 2 if it is not.");
  checker->callback([arguments, &status] { status = check(*arguments); });

  CLI::App* dumper = app.add_subcommand(
      "dump", "Print the effective configuration: the file, with defaults for missing keys");
  dumper->add_option("--config", arguments->config, "Configuration file; defaults without it")
      ->check(CLI::ExistingFile);
  dumper->add_flag("--comments", arguments->comments, "Explain each key in a comment");
  dumper->add_flag("--reference", arguments->reference, "Print the reference page (Markdown)");
  dumper->callback([arguments, &status] { status = dump(*arguments); });
}

}  // namespace hopscope::app
