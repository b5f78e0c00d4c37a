#pragma once
// `export: flows:` of the configuration, checked.

#include <cstdint>

namespace hopscope::exporter {

enum class FlowSeries : std::uint8_t { kOff, kTopK, kAll };
enum class FlowSort : std::uint8_t { kReports, kLatency, kDrops };

/// Which per-flow series /metrics has. `all` is still capped by max_series per family.
struct FlowSeriesOptions {
  FlowSeries series = FlowSeries::kTopK;
  std::uint32_t top_k = 1000;
  FlowSort by = FlowSort::kReports;
  std::uint32_t max_series = 100'000;
};

}  // namespace hopscope::exporter
