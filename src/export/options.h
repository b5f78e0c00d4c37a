#pragma once
// The `export:` section of the configuration, checked.

#include <cstdint>
#include <string>

namespace hopscope::exporter {

enum class FlowSeries : std::uint8_t { kOff, kTopK, kAll };
enum class FlowSort : std::uint8_t { kReports, kLatency, kDrops };

struct HttpOptions {
  bool enabled = true;
  std::string listen = "127.0.0.1:9465";  ///< address:port, [address]:port
  unsigned threads = 8;
  unsigned request_timeout_ms = 10'000;
};

/// Which per-flow series /metrics has. `all` is still capped by max_series per family.
struct FlowSeriesOptions {
  FlowSeries series = FlowSeries::kTopK;
  std::uint32_t top_k = 1000;
  FlowSort by = FlowSort::kReports;
  std::uint32_t max_series = 100'000;
};

/// NDJSON: one event a line.
struct EventFileOptions {
  bool enabled = false;
  std::string path;  ///< "-" is the standard output
};

struct ExportOptions {
  HttpOptions http;
  std::uint32_t max_series = 1'000'000;  ///< of any one family in one answer
  FlowSeriesOptions flows;
  EventFileOptions event_file;
};

}  // namespace hopscope::exporter
