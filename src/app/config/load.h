#pragma once
// Reads the configuration from YAML. Every mistake in the file is reported, not just the first.

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/config/config.h"

namespace hopscope::app {

/// What the configuration is for; the machine is looked at only where it will be used.
enum class Use : std::uint8_t {
  kOffline,  ///< captures: nothing of the machine matters
  kReceive,  ///< interface, RX queues and CPUs must be there
};

/// One or more mistakes in a configuration file, one line each: FILE:LINE:COLUMN: key: what to
/// mend.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(const std::vector<std::string>& mistakes);
};

/// Where a value stands in the file; line 0: not in the file, a default.
struct Place {
  int line = 0;
  int column = 0;
};
struct Mistake {
  Place place;
  std::string key;
  std::string text;
};

/// A configuration and where its values came from: "receive.interface", "workers[1].cpu".
struct LoadedConfig {
  Config config;
  std::map<std::string, Place> places;
  std::vector<Mistake> mistakes;
};

/// Forms, ranges and unknown keys; `text` is YAML, `file` its name for messages of the parser.
[[nodiscard]] LoadedConfig read_config(const std::string& text);

/// Reads, checks (config_check.h) and returns, or throws ConfigError with all mistakes. An empty
/// path is the defaults.
[[nodiscard]] Config load_config(const std::string& path, Use use);

}  // namespace hopscope::app
