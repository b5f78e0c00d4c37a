#pragma once
// `hopscope run`: the collector itself.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds the subcommand. After it ran, `status` is the exit code: 0 after SIGTERM or SIGINT; 1 if
/// the system refuses what the configuration needs. A mistake in the file is a ConfigError.
void add_run_command(CLI::App& app, int& status);

}  // namespace hopscope::app
