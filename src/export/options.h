#pragma once
// The `export:` section of the configuration, checked.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "export/delivery/options.h"
#include "export/push/options.h"
#include "export/secret.h"

namespace hopscope::exporter {

enum class FlowSeries : std::uint8_t { kOff, kTopK, kAll };
enum class FlowSort : std::uint8_t { kReports, kLatency, kDrops };

enum class TlsVersion : std::uint8_t { k12, k13 };

/// PEM files.
struct TlsOptions {
  std::string certificate;  ///< with its chain
  std::string key;
  std::string client_ca;  ///< clients must show a certificate of it; empty: need not
  TlsVersion min_version = TlsVersion::k12;

  [[nodiscard]] bool enabled() const noexcept { return !certificate.empty() || !key.empty(); }
};

struct HttpUser {
  std::string name;
  SecretSource password;
};

/// Any of these lets a client in. None: everybody is.
struct HttpAuthOptions {
  std::vector<HttpUser> users;
  std::vector<SecretSource> tokens;
  bool open_probes = false;  ///< /healthz and /readyz are for everybody all the same
};

struct HttpOptions {
  bool enabled = true;
  std::string listen = "127.0.0.1:9465";  ///< address:port, [address]:port
  unsigned threads = 12;
  unsigned connections = 256;
  unsigned header_timeout_ms = 5'000;    ///< from the connection to the end of the request's head
  unsigned request_timeout_ms = 10'000;  ///< for the answer, as fast as the client reads it
  unsigned idle_timeout_ms = 120'000;    ///< between requests
  unsigned header_bytes = 16 * 1024;
  TlsOptions tls;
  HttpAuthOptions auth;
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
