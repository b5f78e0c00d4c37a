#pragma once
// The `export:` section of the configuration, checked.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "export/http/options.h"
#include "export/metrics/options.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/push/options.h"

namespace hopscope::exporter {

/// NDJSON: one event a line.
struct EventFileOptions {
  bool enabled = false;
  std::string path;  ///< "-" is the standard output
  DeliveryOptions delivery{.batch_age_s = 0, .stop_timeout_s = 0.3, .spool = {}};
};

struct ExportOptions {
  HttpOptions http;
  std::uint32_t max_series = 1'000'000;  ///< of any one family in one answer
  FlowSeriesOptions flows;
  EventFileOptions event_file;
  double values_interval_s = 10;  ///< rows of the tables are pushed so often; 0: never
  std::vector<InfluxOptions> influxdb;
  std::vector<RemoteWriteOptions> remote_write;

  /// `flows`, of which no more are chosen than fit a family: a flow has a series in each.
  [[nodiscard]] FlowSeriesOptions fitting_flows() const {
    FlowSeriesOptions fitting = flows;
    fitting.max_series = std::min(flows.max_series, max_series);
    return fitting;
  }
};

}  // namespace hopscope::exporter
