#pragma once
// Raw values in the unit of their switch to base units.

#include <cmath>

namespace hopscope::exporter {

/// raw * unit, by a division where the unit is a whole part of one: 212 ns are 2.12e-07 s then, and
/// not 2.1200000000000002e-07.
[[nodiscard]] inline double scaled(double raw, double unit) {
  const double per = std::round(1 / unit);
  const bool is_part = per >= 1 && std::fabs(per * unit - 1) < 1e-12;
  return is_part ? raw / per : raw * unit;
}

}  // namespace hopscope::exporter
