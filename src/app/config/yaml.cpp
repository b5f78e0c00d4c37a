#include "app/config/yaml.h"

#include <sstream>
#include <string_view>

namespace hopscope::app {

Place place_of(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? Place{} : Place{.line = mark.line + 1, .column = mark.column + 1};
}

int second_document(const std::string& text) {
  std::istringstream lines(text);
  bool has_content = false;
  int marker = 0;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("---") && line.find_first_not_of("- \t\r") == std::string::npos) {
      if (has_content && marker == 0) marker = number;
      continue;
    }
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos || line[first] == '#' || line[first] == '%') continue;
    if (marker != 0) return marker;
    has_content = true;
  }
  return 0;
}

namespace {

/// Length of the UTF-8 sequence at the start, without surrogates and overlong forms; 0: there is
/// none. Source: RFC 3629, section 4.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto is_tail = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first < 0xE0) return is_tail(1) ? 2 : 0;
  if (first < 0xF0) {
    const unsigned min = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned max = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= min && byte(1) <= max && is_tail(2) ? 3 : 0;
  }
  const unsigned min = first == 0xF0 ? 0x90 : 0x80;
  const unsigned max = first == 0xF4 ? 0x8F : 0xBF;
  return byte(1) >= min && byte(1) <= max && is_tail(2) && is_tail(3) ? 4 : 0;
}

}  // namespace

Place first_not_utf8(const std::string& text) {
  Place place{.line = 1, .column = 1};
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_length(std::string_view(text).substr(at));
    if (length == 0) return place;
    ++place.column;
    if (text[at] == '\n') place = {.line = place.line + 1, .column = 1};
    at += length;
  }
  return {};
}

}  // namespace hopscope::app
