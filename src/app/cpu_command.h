#pragma once
// `hopscope cpu`: which vector instructions the hot path uses on this machine.

#include <CLI/CLI.hpp>

namespace hopscope::app {

void add_cpu_command(CLI::App& app, int& status);

}  // namespace hopscope::app
