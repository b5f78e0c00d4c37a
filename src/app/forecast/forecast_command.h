#pragma once
// `hopscope forecast`: how many series and bytes a configuration will expose.

#include <CLI/CLI.hpp>

namespace hopscope::app {

void add_forecast_command(CLI::App& app, int& status);

}  // namespace hopscope::app
