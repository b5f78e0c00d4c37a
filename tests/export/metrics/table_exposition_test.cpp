#include "export/metrics/table_exposition.h"

#include <gtest/gtest.h>

#include "support/exposition.h"
#include "support/fake_tables.h"
#include "support/render.h"

namespace hopscope::exporter {
namespace {

using test::FakeTables;

pipeline::SwitchOptions switches() {
  pipeline::SwitchOptions options;
  pipeline::SwitchProfile leaf;
  leaf.name = "leaf \"one\"\\\n";
  leaf.latency_unit_s = 1e-6;
  leaf.tx_utilization_scale = 0.01;
  leaf.occupancy_unit = pipeline::OccupancyUnit::kCells;
  leaf.cell_bytes = 80;
  options.by_id[1] = leaf;
  return options;
}

struct Rendered {
  std::map<std::string, test::Family> families;
  std::uint64_t suppressed = 0;

  [[nodiscard]] double at(const std::string& family, const std::string& series) const {
    const auto& samples = families.at(family).samples;
    const auto found = samples.find(series);
    EXPECT_NE(found, samples.end()) << series;
    return found == samples.end() ? 0 : found->second;
  }
};

Rendered render(const FakeTables& tables, const FlowSeriesOptions& options = {},
                const pipeline::SwitchOptions& names_of = {}, const ScrapeView& view = {}) {
  const Names names(names_of);
  std::uint64_t suppressed = 0;
  const std::string text = test::text_of_tables(tables, options, names, view, &suppressed);
  return {.families = test::parse_exposition(text), .suppressed = suppressed};
}

TEST(TableExposition, EveryValueInBaseUnits) {
  FakeTables tables;
  test::fill(tables);
  const Rendered all = render(tables, {}, switches());
  const std::string flow = R"(src="10.0.0.1",dst="10.0.1.1",sport="4001",dport="80",proto="udp")";
  const std::string leaf = R"(switch="leaf \"one\"\\\n")";
  EXPECT_EQ(all.at("int_flow_reports_total", "int_flow_reports_total{" + flow + "}"), 1);
  EXPECT_EQ(
      all.at("int_flow_latency_seconds", "int_flow_latency_seconds{" + flow + ",by=\"hops\"}"),
      600e-9);
  EXPECT_EQ(all.at("int_flow_path_info",
                   "int_flow_path_info{" + flow + R"(,path="leaf \"one\"\\\n-2-3"})"),
            1);
  const std::string hop = "int_flow_hop_latency_seconds";
  EXPECT_EQ(all.at(hop, hop + "{" + flow + "," + leaf + "}"), 100e-6) << "in microseconds";
  EXPECT_EQ(all.at(hop, hop + "{" + flow + R"(,switch="2"})"), 200e-9);
  EXPECT_EQ(
      all.at("int_egress_tx_utilization", "int_egress_tx_utilization{" + leaf + R"(,port="7"})"),
      0.55);
  EXPECT_EQ(
      all.at("int_queue_occupancy", "int_queue_occupancy{" + leaf + R"(,port="7",queue="0"})"), 960)
      << "12 cells of 80 bytes";
  EXPECT_EQ(all.at("int_packet_drops_total",
                   "int_packet_drops_total{" + leaf + R"(,reason="ip_route_miss"})"),
            5);
  EXPECT_EQ(
      all.at("int_packet_drops_total", "int_packet_drops_total{" + leaf + R"(,reason="200"})"), 1)
      << "a code without a name";
  EXPECT_EQ(all.at("int_report_sequence_gaps_total",
                   "int_report_sequence_gaps_total{" + leaf + R"(,hw_id="3"})"),
            4);
  const std::string ipv6 =
      R"(src="2001:db8::1",dst="2001:db8::2",sport="4003",dport="80",proto="tcp")";
  EXPECT_EQ(all.at("int_flow_path_changes_total", "int_flow_path_changes_total{" + ipv6 + "}"), 2);
  EXPECT_EQ(all.families.at("int_flow_latency_seconds").samples.size(), 2U)
      << "none where none was measured";
}

TEST(TableExposition, HistogramsAreCumulativeAndEndInInf) {
  FakeTables tables;
  test::fill(tables);
  const Rendered all = render(tables);
  const std::string bucket = R"(int_hop_latency_seconds_bucket{switch="1",le=")";
  const std::string family = "int_hop_latency_seconds";
  EXPECT_EQ(all.at(family, bucket + "1.28e-07\"}"), 2);
  EXPECT_EQ(all.at(family, bucket + "5.12e-07\"}"), 2);
  EXPECT_EQ(all.at(family, bucket + "1.024e-06\"}"), 3);
  EXPECT_EQ(all.at(family, bucket + "+Inf\"}"), 4);
  EXPECT_EQ(all.at(family, R"(int_hop_latency_seconds_count{switch="1"})"), 4);
  EXPECT_EQ(all.at(family, R"(int_hop_latency_seconds_sum{switch="1"})"), 5);
}

TEST(TableExposition, FlowSeriesOffTopKAndAll) {
  FakeTables tables;
  for (std::uint8_t host = 1; host <= 100; ++host)
    tables.flows.push_back(test::flow_over(host, {1}));
  const Rendered off = render(tables, {.series = FlowSeries::kOff});
  EXPECT_FALSE(off.families.contains("int_flow_reports_total"));
  const Rendered top = render(tables, {.series = FlowSeries::kTopK, .top_k = 10});
  const auto& series = top.families.at("int_flow_reports_total").samples;
  EXPECT_EQ(series.size(), 10U);
  EXPECT_EQ(top.suppressed, 90U);
  for (const auto& [labels, reports] : series) EXPECT_GT(reports, 90) << labels;
  const Rendered all = render(tables, {.series = FlowSeries::kAll, .max_series = 60});
  EXPECT_EQ(all.families.at("int_flow_reports_total").samples.size(), 60U);
  EXPECT_EQ(all.suppressed, 40U);
}

TEST(TableExposition, RankedByLatencyOrDrops) {
  FakeTables tables;
  for (std::uint8_t host = 1; host <= 3; ++host) tables.flows.push_back(test::flow_over(host, {1}));
  tables.flows[0].latency_ns = 9000;
  tables.flows[1].drops = 5;
  const auto first_of = [&](FlowSort by) {
    return render(tables, {.series = FlowSeries::kTopK, .top_k = 1, .by = by})
        .families.at("int_flow_reports_total")
        .samples.begin()
        ->second;
  };
  EXPECT_EQ(first_of(FlowSort::kLatency), 1);
  EXPECT_EQ(first_of(FlowSort::kDrops), 2);
  EXPECT_EQ(first_of(FlowSort::kReports), 3);
}

TEST(TableExposition, APathWithALoopAndOneWithoutAPath) {
  FakeTables tables;
  tables.flows = {test::flow_over(1, {5, 6, 5}), test::flow_over(2, {7, 8})};
  tables.flows[0].longer = true;
  tables.flows[1].postcards = true;
  const Rendered all = render(tables);
  const auto& paths = all.families.at("int_flow_path_info").samples;
  ASSERT_EQ(paths.size(), 1U) << "postcards have no order";
  EXPECT_NE(paths.begin()->first.find(R"(path="...-5-6-5")"), std::string::npos);
  const std::string hop = "int_flow_hop_latency_seconds";
  EXPECT_EQ(all.at(hop, hop + R"({src="10.0.0.1",dst="10.0.1.1",sport="4001",dport="80",)"
                              R"(proto="udp",switch="5"})"),
            400e-9)
      << "both visits together: a series comes once";
}

TEST(TableExposition, ManyRowsComeInPieces) {
  FakeTables tables;
  pipeline::FlowSnapshot flow = test::flow_over(1, {1, 2, 3, 4});
  for (std::uint32_t i = 0; i < 5000; ++i) {
    flow.key.source_port = static_cast<std::uint16_t>(i);
    flow.key.destination_port = static_cast<std::uint16_t>(i >> 4);
    tables.flows.push_back(flow);
  }
  const Names names{pipeline::SwitchOptions{}};
  TableExposition exposition({.series = FlowSeries::kAll}, names);
  std::size_t pieces = 0;
  std::string text;
  TextEncoder encoder(TextFormat::kPrometheus, [&](std::string_view piece) {
    ++pieces;
    EXPECT_LE(piece.size(), OutputBuffer::kBytes);
    text += piece;
    return true;
  });
  const ScrapeView everything;
  SeriesWriter out(encoder, everything, 1'000'000);
  exposition.write(tables, out);
  EXPECT_TRUE(out.finish());
  EXPECT_GT(pieces, 5U);
  EXPECT_EQ(test::parse_exposition(text).at("int_flow_reports_total").samples.size(), 5000U);
}

TEST(TableExposition, StopsWhenTheReaderIsGone) {
  std::size_t pieces = 0;
  TextEncoder encoder(TextFormat::kPrometheus, [&](std::string_view) {
    ++pieces;
    return false;
  });
  FakeTables tables;
  for (int i = 0; i < 20'000; ++i) tables.flows.push_back(test::flow_over(1, {1, 2, 3}));
  const Names names{pipeline::SwitchOptions{}};
  const ScrapeView everything;
  SeriesWriter out(encoder, everything, 1'000'000);
  TableExposition({.series = FlowSeries::kAll}, names).write(tables, out);
  EXPECT_FALSE(out.finish());
  EXPECT_EQ(pieces, 1U);
}

}  // namespace
}  // namespace hopscope::exporter
