#pragma once
// Builds the metric families that a prometheus::Collectable returns.

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "export/names/family.h"

namespace hopscope::exporter {

/// Collects families in the order in which they are first named.
class CollectedFamilies {
 public:
  using Labels = std::initializer_list<std::pair<const char*, std::string>>;

  /// A sample of a counter or a gauge.
  void add(const Family& family, Labels labels, double value);
  template <typename Integer>
  void add(const Family& family, Labels labels, Integer value) {
    add(family, labels, static_cast<double>(value));
  }
  void add_summary(const Family& family, Labels labels, std::uint64_t count, std::uint64_t sum);
  [[nodiscard]] std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  prometheus::ClientMetric& metric(const Family& family, Labels labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace hopscope::exporter
