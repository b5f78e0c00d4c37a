#pragma once
// The size of the fabric of a forecast: what the command line requests, limited by the tables of
// the configuration.

#include <cstdint>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "export/metrics/example_tables.h"

namespace hopscope::app {

/// What the command line requests.
struct FabricSize {
  std::uint32_t switches = 0;  ///< 0: those of the configuration
  std::uint32_t ports = 32;    ///< egress ports of a switch
  std::uint32_t queues = 8;    ///< of a port
  std::uint64_t flows = 100'000;
  std::uint32_t hops = 3;  ///< of a flow
};

/// What fits, and a line for each table that is too small.
struct FittingSize {
  exporter::ExampleSize size;
  std::vector<std::string> left_out;
};

[[nodiscard]] FittingSize fitting_size(const Config& config, const FabricSize& wanted);

/// Limit of the series that a forecast renders, in all formats well within a minute.
inline constexpr std::uint64_t kMaxForecastSeries = 5'000'000;

/// Throws UsageError if there are more series, not counting caps on families: capped series take
/// time too.
void require_renderable(const exporter::ExampleSize& size, const Config& config);

}  // namespace hopscope::app
