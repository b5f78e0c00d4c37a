#pragma once
// `hopscope cpu`: what this machine's CPU lets the hot path use.

#include <CLI/CLI.hpp>

namespace hopscope::app {

void add_cpu_command(CLI::App& app, int& status);

}  // namespace hopscope::app
