#include "export/metrics/content_negotiation.h"

#include <strings.h>

#include <charconv>
#include <optional>
#include <utility>

#include "export/metrics/encoding/protobuf_encoder.h"
#include "export/metrics/encoding/text_encoder.h"

namespace hopscope::exporter {
namespace {

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The part in front of the next `separator`, trimmed; `rest` is then what follows.
std::string_view take(std::string_view& rest, char separator) noexcept {
  const std::size_t at = rest.find(separator);
  const std::string_view part = trim(rest.substr(0, at));
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return part;
}

bool same(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// One entry of a header's list: a name and its parameters.
struct Range {
  std::string_view name;
  std::string_view parameters;

  [[nodiscard]] std::string_view parameter(std::string_view wanted) const noexcept {
    for (std::string_view rest = parameters; !rest.empty();) {
      std::string_view value = take(rest, ';');
      if (!same(take(value, '='), wanted)) continue;
      value = trim(value);
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        value = value.substr(1, value.size() - 2);
      }
      return value;
    }
    return {};
  }
  /// 0 where it is no number.
  [[nodiscard]] double quality() const noexcept {
    const std::string_view text = parameter("q");
    if (text.empty()) return 1;
    double q = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), q);
    return end.ec == std::errc() && q > 0 && q <= 1 ? q : 0;
  }
};

Range range_of(std::string_view entry) noexcept {
  Range range;
  range.name = take(entry, ';');
  range.parameters = entry;
  return range;
}

std::optional<ExpositionFormat> format_of(const Range& range) noexcept {
  const auto one_of = [](std::string_view value, auto... known) {
    return value.empty() || ((value == known) || ...);
  };
  if (same(range.name, "application/vnd.google.protobuf")) {
    if (range.parameter("proto") == "io.prometheus.client.MetricFamily" &&
        range.parameter("encoding") == "delimited") {
      return ExpositionFormat::kProtobuf;
    }
    return std::nullopt;
  }
  if (same(range.name, "application/openmetrics-text")) {
    if (one_of(range.parameter("version"), "1.0.0")) return ExpositionFormat::kOpenMetrics;
    return std::nullopt;
  }
  if (same(range.name, "text/plain")) {
    if (one_of(range.parameter("version"), "0.0.4")) return ExpositionFormat::kText;
    return std::nullopt;
  }
  if (range.name == "*/*" || same(range.name, "text/*")) return ExpositionFormat::kText;
  return std::nullopt;
}

}  // namespace

ExpositionFormat choose_format(std::string_view accept) {
  ExpositionFormat best = ExpositionFormat::kText;
  double best_quality = 0;
  while (!accept.empty()) {
    const Range range = range_of(take(accept, ','));
    const std::optional<ExpositionFormat> format = format_of(range);
    if (!format || range.quality() <= best_quality) continue;
    best = *format;
    best_quality = range.quality();
  }
  return best;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> any;
  while (!accept_encoding.empty()) {
    const Range range = range_of(take(accept_encoding, ','));
    if (same(range.name, "gzip") || same(range.name, "x-gzip")) return range.quality() > 0;
    if (range.name == "*") any = range.quality();
  }
  return any.value_or(0) > 0;
}

std::unique_ptr<Encoder> make_encoder(ExpositionFormat format, PieceSink sink) {
  switch (format) {
    case ExpositionFormat::kProtobuf:
      return std::make_unique<ProtobufEncoder>(std::move(sink));
    case ExpositionFormat::kOpenMetrics:
      return std::make_unique<TextEncoder>(TextFormat::kOpenMetrics, std::move(sink));
    case ExpositionFormat::kText:
      break;
  }
  return std::make_unique<TextEncoder>(TextFormat::kPrometheus, std::move(sink));
}

std::string_view content_type(ExpositionFormat format) noexcept {
  switch (format) {
    case ExpositionFormat::kProtobuf:
      return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
             "encoding=delimited";
    case ExpositionFormat::kOpenMetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case ExpositionFormat::kText:
      break;
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace hopscope::exporter
