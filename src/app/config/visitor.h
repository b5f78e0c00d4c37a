#pragma once
// The configuration is described once (schema.cpp) and read by visitors: one loads it from YAML,
// one writes it as YAML, one writes the reference page. So these always agree.

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/decode/custom_header_config.h"

namespace hopscope::app {

struct Config;

/// One key. An optional number that is not set is "none" in the file.
struct Key {
  std::string_view name;
  std::string_view help;
  std::string_view unit{};
  double min = 0;
  double max = std::numeric_limits<double>::max();
  double step = 0;   ///< durations: only whole multiples of it; 0: any
  bool hex = false;  ///< written in hexadecimal, as its specification does
};

class ConfigVisitor {
 public:
  ConfigVisitor() = default;
  ConfigVisitor(const ConfigVisitor&) = delete;
  ConfigVisitor& operator=(const ConfigVisitor&) = delete;
  virtual ~ConfigVisitor() = default;

  virtual void enter(std::string_view name, std::string_view help) = 0;
  virtual void leave() = 0;

  virtual void boolean(const Key& key, bool& value) = 0;
  virtual void integer(const Key& key, std::int64_t& value) = 0;
  virtual void number(const Key& key, double& value) = 0;
  virtual void text(const Key& key, std::string& value) = 0;
  /// Seconds; written as 10us, 1ms, 5s, 2m or a plain number of seconds.
  virtual void duration(const Key& key, double& seconds) = 0;
  /// Bytes; written as 64MiB, 2k or a plain number.
  virtual void size(const Key& key, std::uint64_t& bytes) = 0;
  /// Index into `names`.
  virtual void choice(const Key& key, const std::vector<std::string_view>& names,
                      std::size_t& value) = 0;
  virtual void optional_boolean(const Key& key, std::optional<bool>& value) = 0;
  virtual void optional_integer(const Key& key, std::optional<std::int64_t>& value) = 0;
  /// 16 hexadecimal digits.
  virtual void optional_hex(const Key& key, std::optional<std::uint64_t>& value) = 0;
  virtual void integers(const Key& key, std::vector<std::int64_t>& values) = 0;
  /// Durations in seconds where key.unit is "duration".
  virtual void numbers(const Key& key, std::vector<double>& values) = 0;
  /// {number: number}, for tables of sizes.
  virtual void number_map(const Key& key, std::map<std::int64_t, std::int64_t>& values) = 0;
  /// One word or a list of words.
  virtual void words(const Key& key, std::vector<std::string>& values) = 0;
  /// {number: word}
  virtual void word_map(const Key& key, std::map<std::int64_t, std::string>& values) = 0;
  /// {name: text}
  virtual void text_map(const Key& key, std::map<std::string, std::string>& values) = 0;
  /// {name: bits} in order, see pipeline/decode/custom_header_config.h.
  virtual void fields(const Key& key, std::vector<pipeline::CustomHeaderField>& values) = 0;
  /// address/bits
  virtual void prefix(const Key& key, std::string& value) = 0;

  /// A list of sections. `resize` makes it that long, `element` describes one.
  virtual void list(std::string_view name, std::string_view help, std::size_t count,
                    const std::function<void(std::size_t)>& resize,
                    const std::function<void(std::size_t)>& element) = 0;
  /// Sections by number. `add` makes one that did not exist, `element` describes it.
  virtual void by_number(std::string_view name, std::string_view help,
                         const std::vector<std::int64_t>& numbers,
                         const std::function<void(std::int64_t)>& add,
                         const std::function<void(std::int64_t)>& element) = 0;
  /// Sections by a name that the user chooses, in the order of the file. `add` makes one.
  virtual void by_name(std::string_view name, std::string_view help,
                       const std::vector<std::string>& names,
                       const std::function<void(const std::string&)>& add,
                       const std::function<void(const std::string&)>& element) = 0;
};

/// Walks every key of the configuration.
void describe(ConfigVisitor& visitor, Config& config);

}  // namespace hopscope::app
