#pragma once
// Hints of a forecast: limits that are exceeded, in the configuration and at consumers.

#include <cstdint>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/forecast/forecast_scrape.h"
#include "app/forecast/size.h"

namespace hopscope::app {

/// A sample_limit with a margin of a fifth for series that appear later, rounded to two digits.
[[nodiscard]] std::uint64_t sample_limit_for(std::uint64_t series);

/// One line per hint. `plain` is the answer in the text format.
[[nodiscard]] std::vector<std::string> forecast_hints(const FittingSize& fitting,
                                                      const ForecastAnswer& plain,
                                                      const Config& config);

}  // namespace hopscope::app
