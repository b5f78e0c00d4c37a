#pragma once
// `hopscope check` and `hopscope dump`: check the configuration, print the effective one.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds both subcommands. A mistake in the file is a ConfigError (config/load.h).
void add_config_commands(CLI::App& app, int& status);

}  // namespace hopscope::app
