// `hopscope forecast` against the exporter itself: the same configuration over the same tables.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "app/capture.h"
#include "app/forecast/forecast_scrape.h"
#include "app/forecast/hints.h"
#include "app/forecast/size.h"
#include "export/exporter.h"
#include "support/exposition.h"
#include "support/temporary_directory.h"

namespace hopscope::app {
namespace {

using exporter::ExpositionFormat;
using testing::HasSubstr;

/// Series by family.
using Series = std::map<std::string, std::uint64_t>;

Series forecast(const Config& config, const exporter::ExampleSize& size) {
  Series series;
  for (const auto& family : ForecastScrape(config, size).render(ExpositionFormat::kText).families) {
    if (family.series != 0) series[family.family] = family.series;
  }
  return series;
}

/// What /metrics of a collector with these tables shows.
Series scrape(const Config& config, const exporter::ExampleSize& size) {
  const exporter::ExampleTables tables(size);
  const ForecastCollector collector(config);
  const exporter::SelfMetricsInput self = collector.self(tables);
  exporter::Exporter exporter(config.exports, config.switches,
                              {.tables = tables,
                               .take_events = [](auto) { return std::size_t{0}; },
                               .sources = self.sources,
                               .formats = config.decode.formats,
                               .xdp = self.xdp,
                               .health = self.health,
                               .ready = self.health});
  std::string text;
  exporter.render([&](std::string_view piece) {
    text += piece;
    return true;
  });
  Series series;
  for (const auto& [name, family] : test::parse_exposition(text)) {
    if (!family.samples.empty()) series[name] = family.samples.size();
  }
  return series;
}

Config with_everything(const std::string& directory) {
  Config config;
  config.workers = {{.queue = 0, .cpu = -1}, {.queue = 1, .cpu = -1}};
  config.switches.defaults.clock = "ptp";
  config.exports.http.enabled = false;
  config.exports.event_file.enabled = true;
  config.exports.event_file.path = directory + "/events";
  for (const char* name : {"near", "far"}) {
    exporter::InfluxOptions influx;
    influx.name = name;
    influx.http.url = "http://127.0.0.1:1";
    influx.database = "int";
    config.exports.influxdb.push_back(influx);
  }
  exporter::RemoteWriteOptions remote;
  remote.http.url = "http://127.0.0.1:1/api/v1/write";
  config.exports.remote_write.push_back(remote);
  pipeline::CustomHeaderConfig format;
  format.name = "probe";
  format.udp_port = 5000;
  format.fields = {{.name = "node", .bits = 32}, {.name = "depth", .bits = 32}};
  format.key = {"node"};
  format.measurements = {{.field = "depth", .unit = "bytes"}};
  config.decode.formats.push_back(format);
  return config;
}

TEST(Forecast, Forecast_EqualsWhatTheExporterShows) {
  const test::TemporaryDirectory directory;
  const Config config = with_everything(directory.path());
  const FittingSize fitting =
      fitting_size(config, {.switches = 7, .ports = 5, .queues = 12, .flows = 300, .hops = 4});
  const Series found = scrape(config, fitting.size);
  EXPECT_EQ(forecast(config, fitting.size), found);
  EXPECT_EQ(found.at("hopscope_sink_info"), 4U);
  EXPECT_EQ(found.at("hopscope_healthy"), 3U);
  EXPECT_EQ(found.at("hopscope_http_requests_total"), exporter::HttpCounters::kCodes.size());
  EXPECT_TRUE(found.contains("hopscope_scrapes_total"));
  EXPECT_EQ(found.at("int_queue_occupancy"), 7U * 5 * 12);
  EXPECT_EQ(found.at("int_link_latency_seconds"), 7U * 5);
  EXPECT_EQ(found.at("probe_depth_bytes"), 300U);
}

TEST(Forecast, ChosenFlows_AreLimitedByTheFamilyCap) {
  const test::TemporaryDirectory directory;
  Config config = with_everything(directory.path());
  config.exports.flows.series = exporter::FlowSeries::kAll;
  config.exports.max_series = 250;
  const FittingSize fitting = fitting_size(config, {.switches = 9, .flows = 1000, .hops = 2});
  const Series found = scrape(config, fitting.size);
  EXPECT_EQ(forecast(config, fitting.size), found);
  EXPECT_EQ(found.at("int_flow_reports_total"), 250U);
  const ForecastAnswer answer =
      ForecastScrape(config, fitting.size).render(ExpositionFormat::kText);
  const std::vector<std::string> hints = forecast_hints(fitting, answer, config);
  EXPECT_THAT(hints, testing::Contains(HasSubstr("750 of 1000 flows have no series of their own, "
                                                 "export.max_series is 250")));
  EXPECT_THAT(hints, testing::Contains("int_flow_hop_latency_seconds: 250 series are left out, "
                                       "export.max_series is 250"));
  config.exports.max_series = 100'000;
  config.exports.flows.max_series = 40;
  EXPECT_EQ(forecast(config, fitting.size), scrape(config, fitting.size));
}

TEST(Forecast, Size_IsLimitedByTheTables) {
  const test::TemporaryDirectory directory;
  Config config = with_everything(directory.path());
  config.exports.flows.series = exporter::FlowSeries::kAll;
  config.tables = {.flows_ipv4 = 60,
                   .ports = 50,
                   .queue_overflow = 33,
                   .switches = 20,
                   .sequences = 6,
                   .formats = 11,
                   .links = 30,
                   .drop_reasons = 25};
  const FittingSize fitting =
      fitting_size(config, {.switches = 100, .ports = 8, .queues = 10, .flows = 1000, .hops = 2});
  const Series series = forecast(config, fitting.size);
  EXPECT_EQ(series, scrape(config, fitting.size));
  EXPECT_EQ(series.at("int_hop_latency_seconds"), 20U * 28);
  EXPECT_EQ(series.at("int_egress_tx_utilization"), 50U);
  EXPECT_EQ(series.at("int_queue_occupancy"), 50U * 8 + 33);
  EXPECT_EQ(series.at("int_packet_drops_total"), 25U);
  EXPECT_EQ(series.at("int_link_latency_seconds"), 30U);
  EXPECT_EQ(series.at("int_source_info"), 12U) << "two workers with six senders each";
  EXPECT_EQ(series.at("probe_depth_bytes"), 22U);
  EXPECT_EQ(series.at("int_flow_reports_total"), 60U);
  EXPECT_THAT(
      fitting.left_out,
      testing::ElementsAre(
          "switches: 80 of 100 are left out, tables.switches is 20",
          "ports: 110 of 160 are left out, tables.ports is 50",
          "queues beyond the eight of a port: 67 of 100 are left out, tables.queue_overflow is 33",
          "drop reasons of switches: 35 of 60 are left out, tables.drop_reasons is 25",
          "links: 130 of 160 are left out, tables.links is 30",
          "senders of reports: 8 of 20 are left out, tables.sequences is 6 for each of 2 workers",
          "flows: 940 of 1000 are left out, tables.flows_ipv4 is 60",
          "keys of headers: 978 of 1000 are left out, tables.formats is 11 for each of 2 workers"));
}

TEST(Forecast, Exemplars_AreOnlyInFormatsThatSupportThem) {
  const Config config;
  const FittingSize fitting = fitting_size(config, {.switches = 50, .flows = 20});
  const ForecastScrape scrape(config, fitting.size);
  const auto bytes = [&](ExpositionFormat format) {
    for (const auto& family : scrape.render(format).families) {
      if (family.family == "int_hop_latency_seconds") return family.bytes;
    }
    return std::uint64_t{0};
  };
  // The labels of a flow, its latency and a time.
  constexpr std::uint64_t kOfAnExemplar = 80;
  constexpr std::uint64_t kBuckets = 50 * 20;
  EXPECT_GT(bytes(ExpositionFormat::kOpenMetrics),
            bytes(ExpositionFormat::kText) + kBuckets * kOfAnExemplar);
  EXPECT_GT(bytes(ExpositionFormat::kProtobuf), kBuckets * kOfAnExemplar);
}

TEST(Forecast, SampleLimit_HasAMargin) {
  EXPECT_EQ(sample_limit_for(1), 2U);
  EXPECT_EQ(sample_limit_for(5476), 6600U);
  EXPECT_EQ(sample_limit_for(100'000), 120'000U);
  EXPECT_EQ(sample_limit_for(100'001), 130'000U);
}

TEST(Forecast, TooManySeries_AreRefused) {
  Config config;
  const FabricSize huge{.switches = 65'535, .ports = 65'535, .queues = 256};
  EXPECT_NO_THROW(require_renderable(fitting_size(config, huge).size, config))
      << "the tables of the defaults hold a small part of it";
  config.tables.ports = 16'777'216;
  config.tables.queue_overflow = 16'777'216;
  EXPECT_THROW(require_renderable(fitting_size(config, huge).size, config), UsageError);
  config = {};
  config.tables.flows_ipv4 = 100'000'000;
  const FabricSize many{.flows = 100'000'000};
  EXPECT_NO_THROW(require_renderable(fitting_size(config, many).size, config)) << "top_k";
  config.exports.max_series = 10'000'000;
  config.exports.flows = {.series = exporter::FlowSeries::kAll, .max_series = 10'000'000};
  EXPECT_THROW(require_renderable(fitting_size(config, many).size, config), UsageError);
}

}  // namespace
}  // namespace hopscope::app
