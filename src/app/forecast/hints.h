#pragma once
// What a forecast gives to think about: limits that are passed, here and at consumers.

#include <cstdint>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "app/forecast/forecast_scrape.h"
#include "app/forecast/size.h"

namespace hopscope::app {

/// A sample_limit with room for what comes while the collector runs: a fifth more, and two digits.
[[nodiscard]] std::uint64_t sample_limit_for(std::uint64_t series);

/// A line each. `plain` is the answer in the text format.
[[nodiscard]] std::vector<std::string> forecast_hints(const FittingSize& fitting,
                                                      const ForecastAnswer& plain,
                                                      const Config& config);

}  // namespace hopscope::app
