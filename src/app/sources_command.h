#pragma once
// `hopscope sources`: who sends reports, and how each departs from the specification.

#include <CLI/CLI.hpp>

namespace hopscope::app {

void add_sources_command(CLI::App& app, int& status);

}  // namespace hopscope::app
