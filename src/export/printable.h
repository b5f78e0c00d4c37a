#pragma once
// Text from somewhere else, fit for a line of a log.

#include <algorithm>
#include <string>
#include <string_view>

namespace hopscope::exporter {

/// At most the first `most` bytes; control characters are spaces.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t most = 300) {
  std::string line(text.substr(0, most));
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace hopscope::exporter
