#pragma once
// How large a fabric a forecast is about: what the command line asks for, as far as the tables of
// the configuration have room for it.

#include <cstdint>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "export/metrics/example_tables.h"

namespace hopscope::app {

/// What the command line asks for.
struct FabricSize {
  std::uint32_t switches = 0;  ///< 0: those of the configuration
  std::uint32_t ports = 32;    ///< egress ports of a switch
  std::uint32_t queues = 8;    ///< of a port
  std::uint64_t flows = 100'000;
  std::uint32_t hops = 3;  ///< of a flow
};

/// What fits, and a line for each table that has no room for all.
struct FittingSize {
  exporter::ExampleSize size;
  std::vector<std::string> left_out;
};

[[nodiscard]] FittingSize fitting_size(const Config& config, const FabricSize& wanted);

/// The most series that a forecast renders, in all formats well within a minute.
inline constexpr std::uint64_t kMostForecastSeries = 5'000'000;

/// Throws UsageError where there are more series than that, caps on families left aside: what is
/// cut off has to be walked too.
void require_renderable(const exporter::ExampleSize& size, const Config& config);

}  // namespace hopscope::app
