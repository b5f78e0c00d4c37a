// The collector's own series that alerts compare with one another.

#include "export/metrics/self_metrics.h"

#include <gtest/gtest.h>

#include <map>

#include "support/fake_tables.h"

namespace hopscope::exporter {
namespace {

/// Values of a gauge by the value of its only label.
std::map<std::string, double> gauges(const SelfMetricsInput& input, const std::string& name) {
  std::map<std::string, double> values;
  for (const auto& family : collect_self_metrics(input)) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      values[metric.label.at(0).value] = metric.gauge.value;
    }
  }
  return values;
}

TEST(SelfMetrics, CapacityIsThatOfAllWorkersAsEntriesAre) {
  test::FakeTables tables;
  tables.workers.resize(2);
  const auto port = static_cast<std::size_t>(pipeline::Table::kPort);
  for (auto& worker : tables.workers) {
    worker.capacity[port] = 100;
    worker.entries[port] = 30;
  }
  const SelfMetricsInput input{
      .tables = &tables, .sources = {}, .xdp = nullptr, .sinks = nullptr, .health = nullptr};
  EXPECT_EQ(gauges(input, "hopscope_table_capacity").at("port"), 200);
  EXPECT_EQ(gauges(input, "hopscope_table_entries").at("port"), 60);
}

TEST(SelfMetrics, HealthIsOneSeriesPerCheck) {
  const test::FakeTables tables;
  const auto health = [] {
    return std::vector<HealthCheck>{{"worker-0", true, ""},
                                    {"receive", false, "the interface is gone"}};
  };
  const SelfMetricsInput input{
      .tables = &tables, .sources = {}, .xdp = nullptr, .sinks = nullptr, .health = health};
  EXPECT_EQ(gauges(input, "hopscope_healthy"),
            (std::map<std::string, double>{{"worker-0", 1}, {"receive", 0}}));
}

}  // namespace
}  // namespace hopscope::exporter
