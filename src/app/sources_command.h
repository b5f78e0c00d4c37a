#pragma once
// `hopscope sources`: the senders of reports, and how each deviates from the specification.

#include <CLI/CLI.hpp>

namespace hopscope::app {

void add_sources_command(CLI::App& app, int& status);

}  // namespace hopscope::app
