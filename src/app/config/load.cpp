#include "app/config/load.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "app/config/check.h"
#include "app/config/loader.h"
#include "app/config/yaml.h"

namespace hopscope::app {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw ConfigError({fmt::format("{}: cannot be read: {}", path, std::strerror(errno))});
  }
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad() || text.fail()) throw ConfigError({fmt::format("{}: cannot be read", path)});
  return text.str();
}

}  // namespace

ConfigError::ConfigError(const std::vector<std::string>& mistakes)
    : std::runtime_error(joined(mistakes)) {}

LoadedConfig read_config(const std::string& text) {
  LoadedConfig loaded;
  if (const Place place = first_not_utf8(text); place.line != 0) {
    loaded.mistakes.push_back(
        {.place = place, .key = "", .text = "is not UTF-8 from here on; save the file as UTF-8"});
    return loaded;
  }
  if (const int line = second_document(text); line != 0) {
    loaded.mistakes.push_back({.place = {.line = line, .column = 1},
                               .key = "",
                               .text = "a second document begins here; only one is read"});
  }
  YAML::Node root;
  try {
    root = YAML::Load(text);
  } catch (const YAML::Exception& error) {
    loaded.mistakes.push_back(
        {.place = {.line = error.mark.line + 1, .column = error.mark.column + 1},
         .key = "",
         .text = "not YAML: " + error.msg});
    return loaded;
  }
  load_fields(root, loaded);
  return loaded;
}

Config load_config(const std::string& path, Use use) {
  LoadedConfig loaded = read_config(path.empty() ? "" : read_file(path));
  const bool is_yaml = loaded.mistakes.empty() || !loaded.mistakes.front().key.empty();
  if (is_yaml) check_config(loaded, use);
  if (loaded.mistakes.empty()) return std::move(loaded.config);
  std::stable_sort(
      loaded.mistakes.begin(), loaded.mistakes.end(), [](const Mistake& a, const Mistake& b) {
        return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
      });
  const std::string name = path.empty() ? "defaults" : path;
  std::vector<std::string> lines;
  for (const Mistake& mistake : loaded.mistakes) {
    const std::string where =
        mistake.place.line > 0
            ? fmt::format("{}:{}:{}", name, mistake.place.line, mistake.place.column)
            : name;
    lines.push_back(mistake.key.empty()
                        ? fmt::format("{}: {}", where, mistake.text)
                        : fmt::format("{}: {}: {}", where, mistake.key, mistake.text));
  }
  throw ConfigError(lines);
}

}  // namespace hopscope::app
