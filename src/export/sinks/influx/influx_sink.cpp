#include "export/sinks/influx/influx_sink.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <variant>

#include "base/printable.h"
#include "base/setup_error.h"
#include "export/metrics/encoding/gzip_stream.h"
#include "export/sinks/push/http_outcome.h"

namespace hopscope::exporter {
namespace {

std::string escaped(const std::string& text) {
  char* const made = curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size()));
  std::string escaped = made != nullptr ? made : "";
  curl_free(made);
  return escaped;
}

const char* unit_of(TimePrecision precision) {
  constexpr const char* kUnits[] = {"ns", "us", "ms", "s"};
  return kUnits[static_cast<std::size_t>(precision)];
}

/// 1.x says n and u where 2.x says ns and us.
std::string precision_text(const InfluxOptions& options) {
  const std::string unit = unit_of(options.precision);
  const bool is_v1 = options.version == InfluxVersion::kV1;
  return is_v1 && (unit == "ns" || unit == "us") ? unit.substr(0, 1) : unit;
}

HttpTarget target_of(const InfluxOptions& options) {
  HttpTarget target = http_target(options.http);
  target.url = write_url(options);
  if (options.version == InfluxVersion::kV2) target.token_scheme = "Token";
  return target;
}

/// InfluxDB 1.x takes what it can of a batch and says how many points it did not:
/// "partial write: ... dropped=3".
std::uint64_t dropped_of(const std::string& body) {
  if (body.find("partial write") == std::string::npos) return 0;
  constexpr std::string_view kDropped = "dropped=";
  constexpr std::string_view kUnparsed = "unable to parse";
  std::uint64_t dropped = 0;
  const std::size_t at = body.rfind(kDropped);
  if (at != std::string::npos) {
    std::from_chars(body.data() + at + kDropped.size(), body.data() + body.size(), dropped);
  }
  // Lines that it could not read are not among those.
  for (std::size_t line = body.find(kUnparsed); line != std::string::npos;
       line = body.find(kUnparsed, line + 1)) {
    ++dropped;
  }
  return dropped;
}

}  // namespace

std::string write_url(const InfluxOptions& options) {
  std::string url = options.http.url;
  while (url.ends_with('/')) url.pop_back();
  const char* separator = "?";
  const auto parameter = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    url += separator;
    url += name;
    url += '=';
    url += escaped(value);
    separator = "&";
  };
  if (options.version == InfluxVersion::kV1) {
    url += "/write";
    parameter("db", options.database);
    parameter("rp", options.retention_policy);
  } else {
    url += "/api/v2/write";
    parameter("org", options.organization);
    parameter("bucket", options.bucket);
  }
  parameter("precision", precision_text(options));
  return url;
}

InfluxSink::InfluxSink(const InfluxOptions& options, const Names& names)
    : options_(options),
      encoder_(
          {.precision_ns = nanoseconds_of(options.precision),
           .flow_tags = options.flow_tags,
           .text_fields = options.text_fields,
           .switch_time_window_ns = static_cast<std::int64_t>(options.switch_time_window_s * 1e9)},
          names),
      post_(target_of(options)) {}

std::string InfluxSink::content() const {
  return fmt::format("influxdb {}", unit_of(options_.precision));
}

void InfluxSink::encode(const Item& item, std::int64_t now_ns, std::string& records) {
  const bool is_event = std::holds_alternative<const pipeline::Event*>(item);
  if (is_event ? options_.events : options_.values) encoder_.encode(item, now_ns, records);
}

std::string InfluxSink::reopen() {
  try {
    post_.set_target(target_of(options_));
    return "";
  } catch (const SetupError& error) {
    return fmt::format("{}: {}; the one read before stays", options_.name, error.what());
  }
}

/// InfluxDB says how many points it dropped of one shard only. Shards begin at full hours.
bool InfluxSink::is_of_one_shard(std::span<const Record> batch) const {
  constexpr std::int64_t kHourNs = 3'600'000'000'000;
  const auto around = static_cast<std::int64_t>(options_.switch_time_window_s * 1e9);
  const auto [first, last] =
      std::minmax_element(batch.begin(), batch.end(),
                          [](const Record& a, const Record& b) { return a.time_ns < b.time_ns; });
  return (first->time_ns - around) / kHourNs == (last->time_ns + around) / kHourNs;
}

Outcome InfluxSink::deliver(std::span<const Record> batch) {
  body_.clear();
  for (const Record& record : batch) body_ += record.bytes;
  std::string_view body = body_;
  if (options_.http.gzip) {
    compressed_.clear();
    GzipStream stream([this](std::string_view piece) {
      compressed_ += piece;
      return true;
    });
    stream.write(body_);
    stream.finish();
    body = compressed_;
  }
  const HttpAnswer answer =
      post_.post(body, "text/plain; charset=utf-8", options_.http.gzip ? "gzip" : "");
  Outcome outcome = outcome_of(answer);
  const std::uint64_t dropped =
      outcome.result == Outcome::Result::kRefused ? dropped_of(answer.body) : 0;
  const bool is_sure =
      batch.size() == 1 || dropped >= batch.size() || (!answer.is_cut && is_of_one_shard(batch));
  if (dropped > 0 && !is_sure) {
    // It may have dropped more than it says, or can be counted here; of fewer it will say less.
    outcome.result = Outcome::Result::kTooLarge;
  } else if (dropped > 0) {
    outcome.result = Outcome::Result::kDelivered;
    outcome.refused = dropped;
  }
  return outcome;
}

}  // namespace hopscope::exporter
