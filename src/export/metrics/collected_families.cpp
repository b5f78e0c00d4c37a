#include "export/metrics/collected_families.h"

#include <algorithm>

#include "base/assert.h"

namespace hopscope::exporter {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricType type_of(const Family& family) noexcept {
  switch (family.type) {
    case FamilyType::kCounter:
      return MetricType::Counter;
    case FamilyType::kGauge:
      return MetricType::Gauge;
    case FamilyType::kSummary:
      return MetricType::Summary;
    case FamilyType::kHistogram:
      break;
  }
  return MetricType::Histogram;
}

}  // namespace

ClientMetric& CollectedFamilies::metric(const Family& family, Labels labels) {
  auto found = std::find_if(families_.begin(), families_.end(),
                            [&](const MetricFamily& known) { return known.name == family.name; });
  if (found == families_.end()) {
    MetricFamily added;
    added.name = family.name;
    added.help = family.help;
    added.type = type_of(family);
    found = families_.insert(found, std::move(added));
  }
  ClientMetric& metric = found->metric.emplace_back();
  for (const auto& [name, value] : labels) {
    ClientMetric::Label& label = metric.label.emplace_back();
    label.name = name;
    label.value = value;
  }
  return metric;
}

void CollectedFamilies::add(const Family& family, Labels labels, double value) {
  HOPSCOPE_ASSERT(family.type == FamilyType::kCounter || family.type == FamilyType::kGauge);
  ClientMetric& added = metric(family, labels);
  (family.type == FamilyType::kCounter ? added.counter.value : added.gauge.value) = value;
}

void CollectedFamilies::add_summary(const Family& family, Labels labels, std::uint64_t count,
                                    std::uint64_t sum) {
  HOPSCOPE_ASSERT(family.type == FamilyType::kSummary);
  ClientMetric& added = metric(family, labels);
  added.summary.sample_count = count;
  added.summary.sample_sum = static_cast<double>(sum);
}

}  // namespace hopscope::exporter
