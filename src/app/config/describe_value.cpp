#include "app/config/describe_value.h"

#include <fmt/format.h>

#include "app/config/values.h"

namespace hopscope::app {
namespace {

constexpr double kUnbounded = 1e18;

}  // namespace

std::string format_integer(const Key& key, std::int64_t value) {
  return key.hex && value >= 0 ? fmt::format("{:#x}", value) : std::to_string(value);
}

std::string range_of(const Key& key) {
  if (key.hex) {
    return fmt::format("{:#x} to {:#x}", static_cast<std::int64_t>(key.min),
                       static_cast<std::int64_t>(key.max));
  }
  if (key.max < kUnbounded) {
    return fmt::format("{} to {}", format_number(key.min), format_number(key.max));
  }
  return "at least " + format_number(key.min);
}

std::string duration_range_of(const Key& key) {
  if (key.max < kUnbounded) {
    return fmt::format("{} to {}", format_duration(key.min), format_duration(key.max));
  }
  return "at least " + format_duration(key.min);
}

std::string one_of(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace hopscope::app
