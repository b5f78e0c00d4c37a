#pragma once
// Makes text from outside safe for a log line.

#include <string>
#include <string_view>

namespace hopscope {

/// The first `max_bytes` bytes as ASCII: control characters become spaces, bytes from 0x80 on
/// become '?'. The result is valid in a log and in JSON, and may be cut anywhere.
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t max_bytes = 300) {
  std::string line(text.substr(0, max_bytes));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace hopscope
