#pragma once
// What a metric family is: its name, type, unit and help text.

#include <cstdint>
#include <string_view>

namespace hopscope::exporter {

enum class FamilyType : std::uint8_t { kCounter, kGauge, kHistogram, kSummary };

/// The suffix of a counter's name.
inline constexpr std::string_view kTotal = "_total";

/// The base unit that a name ends in; empty: none.
[[nodiscard]] constexpr std::string_view unit_of(std::string_view name) noexcept {
  for (const std::string_view unit : {"seconds", "bytes", "ratio"}) {
    if (name.size() > unit.size() && name.ends_with(unit) &&
        name[name.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

struct Family {
  std::string_view name;  ///< ends in the unit, if there is one, and for a counter in _total
  FamilyType type;
  std::string_view help;

  /// The name without the suffix of counters.
  [[nodiscard]] constexpr std::string_view base_name() const noexcept {
    const bool has_suffix = type == FamilyType::kCounter && name.ends_with(kTotal);
    return has_suffix ? name.substr(0, name.size() - kTotal.size()) : name;
  }
  [[nodiscard]] constexpr std::string_view unit() const noexcept { return unit_of(base_name()); }
};

}  // namespace hopscope::exporter
