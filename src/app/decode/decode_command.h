#pragma once
// `hopscope decode`: every datagram of a capture as one line of JSON.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds the subcommand. After it ran, `status` is the exit code: 0; 1 when writing failed; 2 for a
/// capture or configuration that cannot be used.
void add_decode_command(CLI::App& app, int& status);

}  // namespace hopscope::app
