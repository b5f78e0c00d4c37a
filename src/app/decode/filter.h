#pragma once
// Which datagrams `hopscope decode` prints: those with a report for which all conditions hold.

#include <functional>
#include <string>
#include <vector>

#include "pipeline/report/report.h"

namespace hopscope::app {

class DecodeFilter {
 public:
  /// Conditions "version=1.0", "switch=7" (the reporting node or any hop), "flow=10.0.0.1",
  /// "flow=10.0.0.1:80" (either end). Throws a UsageError that lists the possible conditions.
  explicit DecodeFilter(const std::vector<std::string>& conditions);

  [[nodiscard]] bool empty() const noexcept { return conditions_.empty(); }

  [[nodiscard]] bool passes(const pipeline::Report& report) const;

 private:
  std::vector<std::function<bool(const pipeline::Report&)>> conditions_;
};

}  // namespace hopscope::app
