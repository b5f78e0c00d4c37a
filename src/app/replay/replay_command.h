#pragma once
// `hopscope replay`: the whole pipeline over captures, on one thread and with deterministic
// results.

#include <CLI/CLI.hpp>

namespace hopscope::app {

/// Adds the subcommand. After it ran, `status` is the exit code: 0; 1 when writing failed or it was
/// interrupted; 2 for a capture or configuration that cannot be used.
void add_replay_command(CLI::App& app, int& status);

}  // namespace hopscope::app
