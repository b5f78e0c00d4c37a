#include "app/config_yaml.h"

#include <sstream>

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

}  // namespace hopscope::app
