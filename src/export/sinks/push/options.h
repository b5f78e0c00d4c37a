#pragma once
// Push sinks, as the configuration describes them.

#include <cstdint>
#include <map>
#include <string>

#include "base/secret.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/push/http_post.h"

namespace hopscope::exporter {

/// A server to POST to.
struct HttpPushOptions {
  std::string url;
  std::string username;  ///< basic authentication
  SecretSource password;
  SecretSource token;  ///< bearer; InfluxDB 2.x calls it an API token
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  bool verify = true;
  bool gzip = true;
  double timeout_s = 10;
};

/// Reads its secrets. Throws SetupError.
[[nodiscard]] HttpTarget http_target(const HttpPushOptions& options);

enum class InfluxVersion : std::uint8_t { kV1, kV2 };
enum class TimePrecision : std::uint8_t { kNs, kUs, kMs, kS };

[[nodiscard]] constexpr std::int64_t nanoseconds_of(TimePrecision precision) noexcept {
  constexpr std::int64_t kNs[] = {1, 1'000, 1'000'000, 1'000'000'000};
  return kNs[static_cast<std::size_t>(precision)];
}

struct InfluxOptions {
  std::string name = "influxdb";
  HttpPushOptions http;
  InfluxVersion version = InfluxVersion::kV1;
  std::string database;  ///< 1.x
  std::string retention_policy;
  std::string organization;  ///< 2.x
  std::string bucket;
  TimePrecision precision = TimePrecision::kNs;
  bool events = true;
  bool values = true;
  bool flow_tags = false;
  bool text_fields = true;
  double switch_time_window_s = 60;
  DeliveryOptions delivery;
};

struct RemoteWriteOptions {
  std::string name = "remote_write";
  HttpPushOptions http;
  bool events = true;
  bool values = true;
  bool flow_labels = false;                   ///< series per flow
  std::map<std::string, std::string> labels;  ///< of every series
  std::uint32_t max_series = 200'000;
  double switch_time_window_s = 60;
  DeliveryOptions delivery;
};

}  // namespace hopscope::exporter
