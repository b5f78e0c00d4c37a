#pragma once
// Reads the configuration from YAML. Every mistake in the file is reported, not just the first.

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/config/config.h"

namespace hopscope::app {

/// What the configuration is used for, which decides whether the machine is checked too.
enum class Use : std::uint8_t {
  kOffline,  ///< captures: the machine is not checked
  kReceive,  ///< interface, RX queues and CPUs must exist
};

/// One or more mistakes in a configuration file, one line each: FILE:LINE:COLUMN: key: what to
/// change.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(const std::vector<std::string>& mistakes);
};

/// The place of a value in the file; line 0: not in the file, a default.
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

/// Reads YAML and checks syntax, ranges and unknown keys.
[[nodiscard]] LoadedConfig read_config(const std::string& text);

/// Reads and checks (check.h) a file, or throws ConfigError with all mistakes. An empty path gives
/// the defaults.
[[nodiscard]] Config load_config(const std::string& path, Use use);

}  // namespace hopscope::app
