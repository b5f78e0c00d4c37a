#pragma once
// `hopscope check` and `hopscope dump`: is the configuration right, and what is in effect.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds both subcommands. A mistake in the file is ConfigError (config_load.h).
void add_config_commands(CLI::App& app, int& status);

}  // namespace hopscope::app
