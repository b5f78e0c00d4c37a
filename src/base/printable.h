#pragma once
// Text from somewhere else, fit for a line of a log.

#include <string>
#include <string_view>

namespace hopscope {

/// At most the first `most` bytes, as ASCII: control characters are spaces, others ?. So it is
/// right in a log, in JSON, and wherever it is cut.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t most = 300) {
  std::string line(text.substr(0, most));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace hopscope
