#pragma once
// `hopscope generate`: report traffic for tests and measurements, to a file or out of an interface.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds the subcommand. When it ran, `status` is the exit code: 0; 1 when sending or writing
/// failed; 2 for a request that cannot be met.
void add_generate_command(CLI::App& app, int& status);

}  // namespace hopscope::app
