#include "export/metrics/encoding/text_encoder.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace hopscope::exporter {
namespace {

std::string_view type_name(FamilyType type) noexcept {
  constexpr std::string_view kNames[] = {"counter", "gauge", "histogram", "summary"};
  return kNames[static_cast<std::size_t>(type)];
}

char* put(char* at, std::string_view text) noexcept {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

constexpr std::size_t kMaxBillionthsBytes = 24;

/// Writes a value that is a whole number of billionths, as latencies are, as that: several times
/// faster than the search for the fewest digits, and read back as the same number. Null: it is not
/// one, and nothing is written.
char* put_billionths(char* at, double value) noexcept {
  constexpr double kPart = 1e9;
  constexpr double kMaxValue = 1e6;
  constexpr int kPlaces = 9;
  if (!(value >= 0 && value < kMaxValue)) return nullptr;
  auto parts = static_cast<std::uint64_t>(value * kPart + 0.5);
  if (static_cast<double>(parts) / kPart != value) return nullptr;
  constexpr auto kWhole = static_cast<std::uint64_t>(kPart);
  at = std::to_chars(at, at + kMaxBillionthsBytes, parts / kWhole).ptr;
  parts %= kWhole;
  if (parts == 0) return at;
  *at = '.';
  for (int i = kPlaces; i > 0; --i) {
    at[i] = static_cast<char>('0' + parts % 10);
    parts /= 10;
  }
  at += kPlaces;
  while (*at == '0') --at;
  return at + 1;
}

}  // namespace

void TextEncoder::comment(std::string_view keyword, std::string_view name, std::string_view text) {
  out_.append("# ");
  out_.append(keyword);
  out_.append(' ');
  out_.append(name);
  out_.append(' ');
  for (const char c : text) {
    if (c == '\\') {
      out_.append("\\\\");
    } else if (c == '\n') {
      out_.append("\\n");
    } else if (c == '"' && is_open_metrics_) {
      out_.append("\\\"");
    } else {
      out_.append(c);
    }
  }
  out_.append('\n');
}

void TextEncoder::begin_family(const Family& family) {
  name_ = family.name;
  const std::string_view name = is_open_metrics_ ? family.base_name() : family.name;
  comment("HELP", name, family.help);
  comment("TYPE", name, type_name(family.type));
  if (is_open_metrics_ && !family.unit().empty()) comment("UNIT", name, family.unit());
}

void TextEncoder::open(std::string_view suffix, std::string_view labels) {
  if (char* at = out_.room(name_.size() + suffix.size() + labels.size() + 3)) {
    at = put(put(at, name_), suffix);
    if (!labels.empty()) {
      *at++ = '{';
      at = put(at, labels);
      *at++ = '}';
    }
    *at++ = ' ';
    out_.advance(at);
    return;
  }
  out_.append(name_);
  out_.append(suffix);
  if (!labels.empty()) {
    out_.append('{');
    out_.append(labels);
    out_.append('}');
  }
  out_.append(' ');
}

void TextEncoder::number(double value) {
  if (std::isinf(value)) {
    out_.append(value > 0 ? "+Inf" : "-Inf");
  } else if (std::isnan(value)) {
    out_.append("NaN");
  } else {
    out_.append_number(value);
  }
}

void TextEncoder::sample(std::string_view labels, double value) {
  open("", labels);
  if (char* end = put_billionths(out_.room(kMaxBillionthsBytes), value)) {
    out_.advance(end);
  } else {
    number(value);
  }
  out_.append('\n');
}

void TextEncoder::sample(std::string_view labels, std::uint64_t value) {
  open("", labels);
  out_.append_number(value);
  out_.append('\n');
}

void TextEncoder::exemplar(const Exemplar& exemplar) {
  constexpr std::int64_t kMsPerSecond = 1000;
  const std::int64_t ms = exemplar.time_ns / 1'000'000;
  out_.append(" # {");
  out_.append(exemplar.labels);
  out_.append("} ");
  number(exemplar.value);
  out_.append(' ');
  out_.append_number(ms / kMsPerSecond);
  out_.append('.');
  const std::int64_t rest = ms % kMsPerSecond;
  if (rest < 100) out_.append('0');
  if (rest < 10) out_.append('0');
  out_.append_number(rest);
}

void TextEncoder::histogram(std::string_view labels, const HistogramValue& value) {
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < value.counts.size(); ++i) {
    cumulative += value.counts[i];
    out_.append(name_);
    out_.append("_bucket{");
    out_.append(labels);
    out_.append(labels.empty() ? "le=\"" : ",le=\"");
    number(i < value.bounds.size() ? value.bounds[i] : HUGE_VAL);
    out_.append("\"} ");
    out_.append_number(cumulative);
    if (is_open_metrics_ && !value.exemplars.empty() && value.exemplars[i]) {
      exemplar(*value.exemplars[i]);
    }
    out_.append('\n');
  }
  summary(labels, cumulative, value.sum);
}

void TextEncoder::summary(std::string_view labels, std::uint64_t count, double sum) {
  open("_sum", labels);
  number(sum);
  out_.append('\n');
  open("_count", labels);
  out_.append_number(count);
  out_.append('\n');
}

bool TextEncoder::finish() {
  if (is_open_metrics_) out_.append("# EOF\n");
  return out_.flush();
}

}  // namespace hopscope::exporter
