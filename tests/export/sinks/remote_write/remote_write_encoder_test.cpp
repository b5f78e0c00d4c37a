#include "export/sinks/remote_write/remote_write_encoder.h"

#include <gtest/gtest.h>

#include <random>

#include "export/metrics/encoding/text_encoder.h"
#include "export/metrics/table_exposition.h"
#include "support/exposition.h"
#include "support/fake_tables.h"
#include "support/remote_write.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::EventKind;
using pipeline::Measurement;
using test::FakeTables;
using test::Samples;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;
constexpr std::int64_t kNow = 1'700'000'000'000 * kMs;

pipeline::SwitchOptions switches() {
  pipeline::SwitchOptions options;
  pipeline::SwitchProfile leaf;
  leaf.name = "leaf one";
  leaf.tx_utilization_scale = 0.01;
  leaf.occupancy_unit = pipeline::OccupancyUnit::kCells;
  leaf.cell_bytes = 80;
  options.by_id[1] = leaf;
  return options;
}

std::vector<pipeline::CustomHeaderConfig> formats() {
  pipeline::CustomHeaderConfig format;
  format.name = "service_chain";
  format.fields = {{.name = "path_id", .bits = 24}, {.name = "delay", .bits = 32}};
  format.key = {"path_id"};
  format.measurements = {{.field = "delay", .unit = "seconds", .scale = 1e-6}};
  format.drop = "dropped";
  return {format};
}

/// An encoder and all that it has made.
struct Made {
  explicit Made(const RemoteWriteEncoding& options = {}) : encoder(options, names) {}

  void add(const Item& item, std::int64_t now_ns) {
    std::string record;
    encoder.encode(item, now_ns, record);
    take(record);
  }
  void end_of_rows(std::int64_t now_ns) {
    std::string record;
    encoder.end_of_rows(now_ns, record);
    take(record);
  }
  /// A whole pass over the tables.
  void pass(const FakeTables& tables, std::int64_t now_ns) {
    tables.for_each_flow([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_port([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_switch([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_drop([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_sequence([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_link([&](const auto& row) { add(&row, now_ns); });
    end_of_rows(now_ns);
  }
  void take(const std::string& record) {
    test::read_samples(record, samples);
    newest = test::samples_of(record);
    ++records;
  }

  const Names names{switches(), formats()};
  RemoteWriteEncoder encoder;
  Samples samples;
  Samples newest;  ///< of the newest record
  std::size_t records = 0;
};

bool is_stale(const test::Sample& sample) {
  return sample.bits == 0x7ff0000000000002;
}

Event queue_event(std::int64_t receive_ns, std::uint64_t value, std::uint32_t queue = 0) {
  Event event;
  event.kind = EventKind::kValueMoved;
  event.measurement = Measurement::kQueueOccupancy;
  event.has_switch = event.has_port = event.has_queue = event.has_old = true;
  event.switch_id = 1;
  event.port = 7;
  event.queue = queue;
  event.new_value = value;
  event.receive_time_ns = receive_ns;
  return event;
}

const std::string kQueue = R"(int_queue_occupancy{port="7",queue="0",switch="leaf one"})";

TEST(RemoteWriteEncoder, RowsAreTheSeriesOfTheExposition) {
  FakeTables tables;
  test::fill(tables);
  Made made({.flow_labels = true});
  made.pass(tables, kNow);
  TableExposition exposition({.series = FlowSeries::kAll}, made.names);
  std::string text;
  TextEncoder encoder(TextFormat::kPrometheus, [&text](std::string_view piece) {
    text += piece;
    return true;
  });
  const ScrapeView everything;
  SeriesWriter writer(encoder, everything, 1'000'000);
  exposition.write(tables, writer);
  ASSERT_TRUE(writer.finish());
  // Labels in the order of remote write, without those that are empty.
  std::map<std::string, double> expected;
  for (const auto& [name, family] : test::parse_exposition(text)) {
    if (name.starts_with("int_flow_other_")) continue;  // what a scrape leaves out
    for (const auto& [series, value] : family.samples) {
      const std::size_t brace = series.find('{');
      std::vector<std::string> labels;
      std::string rest = series.substr(brace + 1, series.size() - brace - 2);
      while (!rest.empty()) {
        const std::size_t end = rest.find("\",");
        const std::string label = rest.substr(0, end == rest.npos ? end : end + 1);
        if (!label.ends_with("=\"\"")) labels.push_back(label);
        rest = end == rest.npos ? "" : rest.substr(end + 2);
      }
      std::sort(labels.begin(), labels.end());
      std::string sorted;
      for (const std::string& label : labels) sorted += (sorted.empty() ? "" : ",") + label;
      expected[series.substr(0, brace) + "{" + sorted + "}"] = value;
    }
  }
  EXPECT_GT(expected.size(), 50U);
  for (const auto& [series, value] : expected) {
    ASSERT_TRUE(made.samples.contains(series)) << series;
    ASSERT_EQ(made.samples[series].size(), 1U) << series;
    EXPECT_EQ(made.samples[series][0].value(), value) << series;
    EXPECT_EQ(made.samples[series][0].time_ms, kNow / kMs) << series;
  }
  EXPECT_EQ(made.samples.size(), expected.size()) << "and no others";
}

TEST(RemoteWriteEncoder, NoFlowIsALabelUnlessItIsWanted) {
  FakeTables tables;
  test::fill(tables);
  for (const bool wanted : {false, true}) {
    Made made({.flow_labels = wanted});
    made.pass(tables, kNow);
    Event event;
    event.kind = EventKind::kValueMoved;
    event.measurement = Measurement::kFlowLatency;
    event.has_flow = true;
    event.flow = test::flow_key(1);
    event.new_value = 2500;
    event.receive_time_ns = kNow + kSecond;
    made.add(&event, kNow + kSecond);
    event.kind = EventKind::kPathChange;
    event.measurement = Measurement::kFlow;
    made.add(&event, kNow + kSecond);
    bool has_flows = false;
    for (const auto& [series, samples] : made.samples) {
      has_flows = has_flows || series.find("10.0.0.1") != series.npos;
    }
    EXPECT_EQ(has_flows, wanted);
    const auto& moved =
        made.samples[R"(int_event_latency_seconds{kind="value_moved",measurement="flow_latency"})"];
    ASSERT_EQ(moved.size(), 1U);
    EXPECT_EQ(moved[0].value(), 2500e-9);
    const std::string flow =
        R"(int_flow_latency_seconds{by="hops",dport="80",dst="10.0.1.1",proto="udp",)"
        R"(sport="4001",src="10.0.0.1"})";
    if (wanted) {
      ASSERT_EQ(made.samples[flow].size(), 2U) << "the row's and the event's";
      EXPECT_EQ(made.samples[flow][1].value(), 2500e-9);
    }
  }
}

TEST(RemoteWriteEncoder, EventsGoToTheSeriesOfTheirRowWithTheSwitchsTime) {
  Made made;
  Event event = queue_event(kNow, 12);
  event.has_switch_time = true;
  event.time_switch_id = 1;
  event.switch_time = static_cast<std::uint64_t>(kNow - 25 * kMs);
  made.add(&event, kNow + 3 * kMs);
  event.measurement = Measurement::kQueueCongestion;
  made.add(&event, kNow + 3 * kMs);
  event.measurement = Measurement::kTxUtilization;
  event.kind = EventKind::kRefresh;
  event.has_queue = false;
  event.new_value = 55;
  made.add(&event, kNow + 3 * kMs);
  const std::int64_t time_ms = kNow / kMs - 25;
  const auto expect = [&](const std::string& series, double value) {
    ASSERT_EQ(made.samples[series].size(), 1U) << series;
    EXPECT_EQ(made.samples[series][0].value(), value) << series;
    EXPECT_EQ(made.samples[series][0].time_ms, time_ms) << series;
  };
  expect(kQueue, 960);
  expect(R"(int_queue_congestion{port="7",queue="0",switch="leaf one"})", 960);
  expect(R"(int_egress_tx_utilization{port="7",switch="leaf one"})", 0.55);
  // The switch's clock is ahead of ours: nothing was sent before it came.
  event.switch_time = static_cast<std::uint64_t>(kNow + 30 * kSecond);
  made.add(&event, kNow + 5 * kMs);
  EXPECT_EQ(made.samples[R"(int_egress_tx_utilization{port="7",switch="leaf one"})"].at(1).time_ms,
            kNow / kMs + 5);
}

TEST(RemoteWriteEncoder, EventsOfHeadersOfOnesOwn) {
  Made made;
  Event event;
  event.kind = EventKind::kValueMoved;
  event.measurement = Measurement::kFormat;
  event.has_format = event.has_format_value = true;
  event.format_key[1] = 9;
  event.new_value = 1500;
  event.receive_time_ns = kNow;
  made.add(&event, kNow);
  EXPECT_EQ(made.samples[R"(service_chain_delay_seconds{path_id="9"})"][0].value(), 1500e-6);
  event.kind = EventKind::kDrop;
  event.has_format_value = false;
  made.add(&event, kNow);
  const auto& drops =
      made.samples[R"(int_events_total{format="service_chain",kind="drop",measurement="format"})"];
  EXPECT_EQ(drops.back().value(), 1);
  pipeline::FormatSnapshot row;
  row.key[1] = 9;
  row.reports = 3;
  row.present = 1;
  row.value[0] = 2000;
  made.add(&row, kNow + kSecond);
  EXPECT_EQ(made.samples[R"(service_chain_delay_seconds{path_id="9"})"][1].value(), 2000e-6);
  EXPECT_EQ(made.samples[R"(service_chain_reports_total{path_id="9"})"][0].value(), 3);
}

TEST(RemoteWriteEncoder, EventsAreCountedFromZero) {
  Made made;
  Event event;
  event.kind = EventKind::kDrop;
  event.measurement = Measurement::kDropReason;
  event.has_switch = event.has_port = true;
  event.switch_id = 1;
  event.port = 4;
  event.new_value = 29;
  event.receive_time_ns = kNow;
  made.add(&event, kNow);
  made.add(&event, kNow);
  const std::string series = R"(int_events_total{kind="drop",measurement="drop_reason",port="4",)"
                             R"(reason="ip_route_miss",switch="leaf one"})";
  const std::int64_t ms = kNow / kMs;
  const auto value = [](double number) { return std::bit_cast<std::uint64_t>(number); };
  const std::vector<test::Sample> expected{{.time_ms = ms - 1, .bits = value(0)},
                                           {.time_ms = ms, .bits = value(1)},
                                           {.time_ms = ms + 1, .bits = value(2)}};
  EXPECT_EQ(made.samples[series], expected);
  // It lives on without events, and ends after an hour.
  made.end_of_rows(kNow + 10 * kSecond);
  EXPECT_EQ(made.newest[series].at(0).value(), 2);
  EXPECT_EQ(made.newest[series].at(0).time_ms, ms + 10'000);
  made.end_of_rows(kNow + 3601 * kSecond);
  EXPECT_TRUE(is_stale(made.newest[series].at(0)));
  made.end_of_rows(kNow + 3610 * kSecond);
  EXPECT_TRUE(made.newest.empty());
  event.receive_time_ns = kNow + 3620 * kSecond;
  made.add(&event, kNow + 3620 * kSecond);
  EXPECT_EQ(made.newest[series].at(0).value(), 0);
  EXPECT_EQ(made.newest[series].at(1).value(), 1);
  test::expect_ascending(made.samples);
}

TEST(RemoteWriteEncoder, ASeriesNeverGoesBack) {
  Made made;
  std::mt19937 random(1);
  FakeTables tables;
  test::fill(tables);
  std::int64_t now = kNow;
  for (int i = 0; i < 2000; ++i) {
    now += static_cast<std::int64_t>(random() % 20) * kMs / 10;
    Event event = queue_event(now - static_cast<std::int64_t>(random() % 5) * kMs, random() % 100);
    event.has_switch_time = true;
    event.time_switch_id = 1;
    event.switch_time = static_cast<std::uint64_t>(
        event.receive_time_ns - static_cast<std::int64_t>(random() % 40'000) * kMs + 20 * kSecond);
    made.add(&event, now);
    if (i % 100 == 0) made.pass(tables, now);
  }
  test::expect_ascending(made.samples);
  for (const auto& [series, samples] : made.samples) {
    EXPECT_LE(samples.back().time_ms, now / kMs + 1000) << series;
  }
}

TEST(RemoteWriteEncoder, MoreSamplesThanMillisecondsWaitAndTheNewestIsWritten) {
  Made made;
  constexpr int kEvents = 5000;
  for (int i = 1; i <= kEvents; ++i) {
    const Event event = queue_event(kNow, static_cast<std::uint64_t>(i));
    made.add(&event, kNow);
  }
  const auto& samples = made.samples[kQueue];
  EXPECT_EQ(samples.size(), 1001U) << "a second ahead of now, and no more";
  EXPECT_EQ(samples.back().time_ms, kNow / kMs + 1000);
  const std::string count =
      R"(int_events_total{kind="value_moved",measurement="queue_occupancy",switch="leaf one"})";
  EXPECT_LT(made.samples[count].back().value(), kEvents);
  // Whatever comes next brings what has waited.
  const Event other = queue_event(kNow + 5 * kMs, 1, 3);
  made.add(&other, kNow + 5 * kMs);
  EXPECT_EQ(made.samples[kQueue].back().value(), kEvents * 80.0);
  made.end_of_rows(kNow + 10 * kMs);
  EXPECT_EQ(made.samples[count].back().value(), kEvents + 1);
  // Its end, too, comes behind what is dated ahead.
  made.end_of_rows(kNow + 20 * kMs);
  EXPECT_TRUE(is_stale(made.samples[kQueue].back()));
  test::expect_ascending(made.samples);
}

TEST(RemoteWriteEncoder, AClockThatIsSetBackIsFollowed) {
  Made made;
  const Event before = queue_event(kNow, 1);
  made.add(&before, kNow);
  const std::int64_t earlier = kNow - 3600 * kSecond;
  const Event after = queue_event(earlier, 2);
  made.add(&after, earlier);
  EXPECT_EQ(made.newest[kQueue].at(0).time_ms, earlier / kMs);
  made.add(&after, earlier);
  EXPECT_EQ(made.newest[kQueue].at(0).time_ms, earlier / kMs + 1);
}

TEST(RemoteWriteEncoder, ASeriesWithoutARowEnds) {
  FakeTables tables;
  test::fill(tables);
  Made made;
  made.pass(tables, kNow);
  made.pass(tables, kNow + 10 * kSecond);
  for (const auto& [series, samples] : made.samples) {
    for (const auto& sample : samples) EXPECT_FALSE(is_stale(sample)) << series;
  }
  const Event event = queue_event(kNow + 11 * kSecond, 5, 6);
  made.add(&event, kNow + 11 * kSecond);
  const std::string of_event = R"(int_queue_occupancy{port="7",queue="6",switch="leaf one"})";
  const pipeline::PortSnapshot port = tables.ports[0];
  tables.ports.clear();
  made.pass(tables, kNow + 20 * kSecond);
  EXPECT_EQ(made.newest.size(), 4U) << "utilisation, a queue's occupancy, another's congestion; "
                                       "and the count of events goes on";
  ASSERT_EQ(made.newest[kQueue].size(), 1U);
  EXPECT_TRUE(is_stale(made.newest[kQueue][0]));
  EXPECT_EQ(made.newest[kQueue][0].time_ms, kNow / kMs + 20'000);
  EXPECT_FALSE(made.newest.contains(of_event)) << "an event came since the rows before";
  made.pass(tables, kNow + 30 * kSecond);
  EXPECT_TRUE(is_stale(made.newest[of_event].at(0))) << "none came in this pass";
  EXPECT_FALSE(made.newest.contains(kQueue)) << "ends once";
  tables.ports = {port};
  made.pass(tables, kNow + 40 * kSecond);
  EXPECT_EQ(made.samples[kQueue].back().value(), 960) << "and lives again";
  made.pass(tables, kNow + 50 * kSecond);
  test::expect_ascending(made.samples);
}

TEST(RemoteWriteEncoder, WithoutRowsNothingEnds) {
  Made made({.values = false});
  const Event event = queue_event(kNow, 5);
  made.add(&event, kNow);
  for (int i = 1; i < 5; ++i) made.end_of_rows(kNow + i * 10 * kSecond);
  EXPECT_EQ(made.samples[kQueue].size(), 1U);
}

TEST(RemoteWriteEncoder, RowsOfOneSeriesAreAddedUp) {
  FakeTables tables;
  test::fill(tables);
  tables.sequences.push_back(tables.sequences[0]);
  tables.sequences[1].source.bytes[3] = 10;
  tables.sequences[1].missing = 7;
  Made made;
  const std::string gaps = R"(int_report_sequence_gaps_total{hw_id="3",switch="leaf one"})";
  const auto source = [](const char* address) {
    return std::string(R"(int_source_reports_total{hw_id="3",source=")") + address +
           R"(",switch="leaf one"})";
  };
  for (int i = 0; i < 3; ++i) made.pass(tables, kNow + i * 10 * kSecond);
  std::vector<double> values;
  for (const auto& sample : made.samples[gaps]) values.push_back(sample.value());
  // The first row is written before the second one is known of; a counter never falls.
  EXPECT_EQ(values, (std::vector<double>{4, 11, 11, 11}));
  EXPECT_EQ(made.samples[source("10.0.0.9")].size(), 3U) << "told apart by their address";
  EXPECT_EQ(made.samples[source("10.0.0.10")].size(), 3U);
  // Of a value that cannot be added up the first row counts.
  tables.ports.push_back(tables.ports[0]);
  tables.ports[1].queues[0].occupancy = 99;
  made.pass(tables, kNow + 30 * kSecond);
  EXPECT_EQ(made.samples[kQueue].size(), 4U);
  EXPECT_EQ(made.samples[kQueue].back().value(), 960);
  test::expect_ascending(made.samples);
}

TEST(RemoteWriteEncoder, LabelsOfTheConfigurationGoToEverySeries) {
  FakeTables tables;
  test::fill(tables);
  Made made({.labels = {{"Site", "north"}, {"switch", "never"}, {"zone", ""}}});
  made.pass(tables, kNow);
  EXPECT_FALSE(made.samples.empty());
  for (const auto& [series, samples] : made.samples) {
    EXPECT_NE(series.find("Site=\"north\""), series.npos) << series;
    EXPECT_EQ(series.find("zone"), series.npos) << series;
  }
  EXPECT_TRUE(made.samples.contains(R"(int_queue_occupancy{Site="north",port="7",queue="0",)"
                                    R"(switch="leaf one"})"))
      << "a series' own label counts";
}

TEST(RemoteWriteEncoder, SeriesAreBoundedAndComeFreeAgain) {
  Made made({.max_series = 20});
  for (std::uint32_t queue = 0; queue < 50; ++queue) {
    const Event event = queue_event(kNow, 5, queue);
    made.add(&event, kNow);
  }
  EXPECT_EQ(made.encoder.samples().series(), 20U);
  EXPECT_EQ(made.samples.size(), 20U);
  EXPECT_EQ(made.encoder.samples().suppressed(), 31U) << "50 queues and a counter";
  made.end_of_rows(kNow + 10 * kSecond);
  made.end_of_rows(kNow + 20 * kSecond);
  made.end_of_rows(kNow + 400 * kSecond);
  EXPECT_EQ(made.encoder.samples().series(), 1U) << "the counter";
  const Event event = queue_event(kNow + 410 * kSecond, 5, 49);
  made.add(&event, kNow + 410 * kSecond);
  EXPECT_TRUE(made.samples.contains(R"(int_queue_occupancy{port="7",queue="49",)"
                                    R"(switch="leaf one"})"));
}

TEST(RemoteWriteEncoder, ManyEndsComeInSeveralRecords) {
  Made made;
  constexpr std::uint32_t kSwitches = 30'000;
  for (std::uint32_t i = 2; i < kSwitches; ++i) {
    const pipeline::PortSnapshot port{.key = {.switch_id = i, .port = 1},
                                      .has_tx_utilization = true,
                                      .tx_utilization = 1,
                                      .queues = {}};
    made.add(&port, kNow);
  }
  made.end_of_rows(kNow);
  std::string record;
  made.encoder.end_of_rows(kNow + 10 * kSecond, record);
  EXPECT_GT(record.size(), 1U << 20);
  EXPECT_LT(record.size(), (1U << 20) + 1000);
  made.take(record);
  const Event event = queue_event(kNow + 11 * kSecond, 1);
  for (int i = 0; i < 3; ++i) made.add(&event, kNow + 11 * kSecond);
  std::size_t ended = 0;
  for (const auto& [series, samples] : made.samples) {
    ended += is_stale(samples.back()) ? 1 : 0;
  }
  EXPECT_EQ(ended, kSwitches - 2);
}

}  // namespace
}  // namespace hopscope::exporter
