#include "export/sinks/influx/line_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace hopscope::exporter {
namespace {

/// Names, tags and their values: `special` is escaped, line feeds are spaces. Backslashes, which
/// stores read in different ways, are slashes.
void append_name(std::string& to, std::string_view text, std::string_view special) {
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      to += "\\ ";
      continue;
    }
    if (special.find(c) != std::string_view::npos) to += '\\';
    to += c == '\\' ? '/' : c;
  }
}

template <typename Number>
void append_number(std::string& to, Number number) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  to.append(digits.data(), end.ptr);
}

}  // namespace

void LineWriter::measurement(std::string_view name) {
  append_name(to_, name, ", ");
  series_end_ = to_.size();
}

void LineWriter::tag(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  to_ += ',';
  append_name(to_, name, ",= ");
  to_ += '=';
  append_name(to_, value, ",= ");
  series_end_ = to_.size();
}

void LineWriter::tag(std::string_view name, std::uint64_t value) {
  to_ += ',';
  append_name(to_, name, ",= ");
  to_ += '=';
  append_number(to_, value);
  series_end_ = to_.size();
}

void LineWriter::begin_field(std::string_view name) {
  to_ += has_fields_ ? ',' : ' ';
  has_fields_ = true;
  append_name(to_, name, ",= ");
  to_ += '=';
}

void LineWriter::field(std::string_view name, std::string_view text) {
  begin_field(name);
  to_ += '"';
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      to_ += ' ';
      continue;
    }
    if (c == '"' || c == '\\') to_ += '\\';
    to_ += c;
  }
  to_ += '"';
}

void LineWriter::field(std::string_view name, double number) {
  if (!std::isfinite(number)) return;
  begin_field(name);
  append_number(to_, number);
}

void LineWriter::field(std::string_view name, std::uint64_t number) {
  constexpr auto kMaxInteger = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  begin_field(name);
  append_number(to_, std::min(number, kMaxInteger));
  to_ += 'i';
}

bool LineWriter::end(std::int64_t time) {
  if (!has_fields_) {
    to_.resize(start_);
    return false;
  }
  to_ += ' ';
  append_number(to_, time);
  to_ += '\n';
  return true;
}

}  // namespace hopscope::exporter
