#pragma once
// `hopscope run`: the collector itself.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds the subcommand. When it ran, `status` is the exit code: 0 after SIGTERM or SIGINT; 1 when
/// the system refuses what the configuration asks for. A mistake in the file is ConfigError.
void add_run_command(CLI::App& app, int& status);

}  // namespace hopscope::app
