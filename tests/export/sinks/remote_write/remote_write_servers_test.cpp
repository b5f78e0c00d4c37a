// What arrives in Prometheus and VictoriaMetrics, value by value and millisecond by millisecond.

#include <gtest/gtest.h>
#include <snappy.h>

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>

#include "export/sinks/remote_write/remote_write_sink.h"
#include "support/fake_tables.h"
#include "support/remote_write.h"
#include "support/server_process.h"

namespace hopscope::exporter {
namespace {

using nlohmann::json;
using pipeline::Event;
using Result = Outcome::Result;
using test::FakeTables;
using test::Samples;
using test::ServerProcess;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMs;

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string series_text(const json& labels) {
  std::string text;
  for (const auto& [name, value] : labels.items()) {
    if (name == "__name__") continue;
    text += (text.empty() ? "" : ",") + name + "=\"" + value.get<std::string>() + "\"";
  }
  const auto metric = labels.at("__name__").get<std::string>();
  return text.empty() ? metric : metric + "{" + text + "}";
}

std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

/// A store that takes remote write.
class Store {
 public:
  Store(const std::string& program, ServerProcess::Arguments arguments, const std::string& ready)
      : process(program, std::move(arguments), ready) {}
  virtual ~Store() = default;
  /// Every sample but stale markers.
  [[nodiscard]] virtual Samples samples() = 0;
  /// Makes sure that what was taken survives.
  virtual void settle() {}

  /// Series that an instant query finds.
  [[nodiscard]] std::size_t series_at(const std::string& metric, std::int64_t time_ns) {
    const test::HttpAnswer answer =
        test::http(process.port(), "/api/v1/query?query=" + metric +
                                       "&time=" + std::to_string(time_ns / kMs / 1000) + "." +
                                       std::to_string(1000 + time_ns / kMs % 1000).substr(1));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::parse(answer.body).at("data").at("result").size();
  }

  ServerProcess process;
};

class Prometheus final : public Store {
 public:
  /// `window`: how much out of order samples may be; empty: not at all.
  explicit Prometheus(const std::string& window = "")
      : Store(
            test::find_server("prometheus"),
            [window](std::uint16_t port, const std::string& directory) {
              std::ofstream config(directory + "/prometheus.yml");
              config << "global: {}\n";
              if (!window.empty()) {
                config << "storage: {tsdb: {out_of_order_time_window: " << window << "}}\n";
              }
              return std::vector<std::string>{
                  "--config.file=" + directory + "/prometheus.yml",
                  "--storage.tsdb.path=" + directory + "/data",
                  "--web.listen-address=127.0.0.1:" + std::to_string(port),
                  "--web.enable-remote-write-receiver"};
            },
            "/-/ready") {}

  Samples samples() override {
    Samples samples;
    const test::HttpAnswer answer =
        test::http(process.port(), "/api/v1/query?query=%7B__name__%3D~%22int_.%2B%22%7D%5B2h%5D");
    EXPECT_EQ(answer.status, 200) << answer.body;
    const json found = json::parse(answer.body);
    for (const json& series : found.at("data").at("result")) {
      for (const json& point : series.at("values")) {
        samples[series_text(series.at("metric"))].push_back(
            {.time_ms = std::llround(point.at(0).get<double>() * 1000),
             .bits = bits(std::stod(point.at(1).get<std::string>()))});
      }
    }
    return samples;
  }
};

class VictoriaMetrics final : public Store {
 public:
  VictoriaMetrics()
      : Store(
            test::find_server("victoria-metrics"),
            [](std::uint16_t port, const std::string& directory) {
              return std::vector<std::string>{
                  "-storageDataPath=" + directory + "/data",
                  "-httpListenAddr=127.0.0.1:" + std::to_string(port), "-search.latencyOffset=0s",
                  "-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=268435456"};
            },
            "/health") {}

  Samples samples() override {
    settle();
    Samples samples;
    const test::HttpAnswer answer =
        test::http(process.port(), "/api/v1/export?match%5B%5D=%7B__name__%3D~%22int_.%2B%22%7D");
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::istringstream lines(answer.body);
    for (std::string line; std::getline(lines, line);) {
      const json series = json::parse(line);
      for (std::size_t i = 0; i < series.at("values").size(); ++i) {
        const json& value = series.at("values").at(i);
        if (!value.is_number()) continue;
        samples[series_text(series.at("metric"))].push_back(
            {.time_ms = series.at("timestamps").at(i).get<std::int64_t>(),
             .bits = bits(value.get<double>())});
      }
    }
    return samples;
  }
  /// What it has taken it keeps in memory for some seconds; a snapshot makes it write all of that.
  void settle() override {
    EXPECT_EQ(test::http(process.port(), "/internal/force_flush").status, 200);
    EXPECT_EQ(test::http(process.port(), "/snapshot/create").status, 200);
  }
};

/// As far as the sink goes: a run of it, and the records that it makes.
struct Program {
  explicit Program(std::uint16_t port, std::uint64_t first = 0)
      : next(first), sink(options(port), names) {}

  static RemoteWriteOptions options(std::uint16_t port) {
    RemoteWriteOptions options;
    options.http.url = "http://127.0.0.1:" + std::to_string(port) + "/api/v1/write";
    return options;
  }

  void keep(std::string bytes) {
    if (bytes.empty()) return;
    records.push_back({.number = next++, .time_ns = wall_ns(), .bytes = std::move(bytes)});
  }
  void add(const Item& item, std::int64_t now_ns) {
    std::string bytes;
    sink.encode(item, now_ns, bytes);
    keep(std::move(bytes));
  }
  void pass(const FakeTables& tables, std::int64_t now_ns) {
    tables.for_each_port([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_switch([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_drop([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_sequence([&](const auto& row) { add(&row, now_ns); });
    tables.for_each_link([&](const auto& row) { add(&row, now_ns); });
    std::string bytes;
    sink.end_of_rows(now_ns, bytes);
    keep(std::move(bytes));
  }
  /// A queue's occupancy moved; the switch says when.
  void add_event(std::int64_t time_ns, std::uint64_t value, std::uint32_t queue = 0) {
    Event event;
    event.kind = pipeline::EventKind::kValueMoved;
    event.measurement = pipeline::Measurement::kQueueOccupancy;
    event.has_switch = event.has_port = event.has_queue = event.has_switch_time = true;
    event.switch_id = event.time_switch_id = 1;
    event.port = 7;
    event.queue = queue;
    event.new_value = value;
    event.switch_time = static_cast<std::uint64_t>(time_ns);
    event.receive_time_ns = time_ns + 2 * kMs;
    add(&event, time_ns + 3 * kMs);
  }
  [[nodiscard]] Outcome deliver() { return sink.deliver(records); }
  /// Delivered, and nothing refused.
  void deliver_all() {
    const Outcome outcome = deliver();
    EXPECT_EQ(outcome.result, Result::kDelivered) << outcome.detail;
    EXPECT_EQ(outcome.refused, 0U) << outcome.detail;
    settle();
  }
  void settle() {
    for (const Record& record : records) test::read_samples(record.bytes, sent);
    records.clear();
  }

  const Names names{pipeline::SwitchOptions{}};
  std::uint64_t next = 0;
  RemoteWriteSink sink;
  std::vector<Record> records;
  Samples sent;
};

/// All of them, each once, with their very values and times.
void expect_same(const Samples& stored, const Samples& sent) {
  for (const auto& [series, samples] : sent) {
    std::vector<test::Sample> expected;
    for (const test::Sample& sample : samples) {
      if (sample.bits != kStaleMarker) expected.push_back(sample);
    }
    if (expected.empty()) continue;
    const auto found = stored.find(series);
    ASSERT_NE(found, stored.end()) << series;
    ASSERT_EQ(found->second.size(), expected.size()) << series;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(found->second[i].time_ms, expected[i].time_ms) << series;
      EXPECT_DOUBLE_EQ(found->second[i].value(), expected[i].value()) << series;
    }
  }
  EXPECT_EQ(stored.size(), sent.size());
}

const std::string kQueue = R"(int_queue_occupancy{port="7",queue="0",switch="1"})";

class RemoteWriteServers : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (test::find_server(GetParam()).empty()) GTEST_SKIP() << GetParam() << " is not unpacked";
    if (GetParam() == std::string("prometheus")) {
      store_ = std::make_unique<Prometheus>();
    } else {
      store_ = std::make_unique<VictoriaMetrics>();
    }
    store_->process.start();
    test::fill(tables_);
  }

  std::unique_ptr<Store> store_;
  FakeTables tables_;
};

TEST_P(RemoteWriteServers, ValuesAndTimesArriveAsSent) {
  const std::int64_t start = wall_ns() - 60 * kSecond;
  Program run(store_->process.port());
  run.pass(tables_, start);
  for (int i = 0; i < 200; ++i) {
    run.add_event(start + i * 7 * kMs + i * 1234, static_cast<std::uint64_t>(i));
  }
  run.pass(tables_, start + 10 * kSecond);
  run.deliver_all();
  const Samples stored = store_->samples();
  expect_same(stored, run.sent);
  ASSERT_TRUE(stored.contains(kQueue));
  EXPECT_EQ(stored.at(kQueue).size(), 202U) << "both passes and every event";
  EXPECT_EQ(stored.at(kQueue)[5].time_ms, (start + 4 * 7 * kMs + 4 * 1234) / kMs)
      << "the switch's time";
  EXPECT_EQ(stored.at(kQueue)[5].value(), 4);
}

TEST_P(RemoteWriteServers, ASeriesThatEndsIsGoneAtOnce) {
  const std::int64_t start = wall_ns() - 60 * kSecond;
  Program run(store_->process.port());
  run.pass(tables_, start);
  run.pass(tables_, start + 10 * kSecond);
  tables_.ports.clear();
  run.pass(tables_, start + 20 * kSecond);
  run.deliver_all();
  store_->settle();
  EXPECT_EQ(store_->series_at("int_queue_occupancy", start + 19 * kSecond), 1U);
  EXPECT_EQ(store_->series_at("int_queue_occupancy", start + 21 * kSecond), 0U);
  EXPECT_EQ(store_->series_at("int_packet_drops_total", start + 21 * kSecond), 2U);
}

TEST_P(RemoteWriteServers, KilledAndStartedAgain) {
  Program run(store_->process.port());
  const std::int64_t start = wall_ns() - 120 * kSecond;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) {
      run.add_event(start + round * 20 * kSecond + i * 5 * kMs,
                    static_cast<std::uint64_t>(1000 * round + i));
    }
    run.deliver_all();
    store_->settle();
    store_->process.kill();
    for (int i = 0; i < 100; ++i) {
      run.add_event(start + (round * 20 + 10) * kSecond + i * 5 * kMs,
                    static_cast<std::uint64_t>(1000 * round + 500 + i));
    }
    EXPECT_EQ(run.deliver().result, Result::kTryAgain);
    store_->process.start();
    run.deliver_all();
  }
  expect_same(store_->samples(), run.sent);
}

TEST_P(RemoteWriteServers, WhatIsSentTwiceIsThereOnce) {
  Program run(store_->process.port());
  const std::int64_t start = wall_ns() - 60 * kSecond;
  for (int i = 0; i < 100; ++i) run.add_event(start + i * 5 * kMs, 7);
  // The answer got lost, or the program ended before it came; the spool has the records still, and
  // others behind them.
  const std::vector<Record> records = run.records;
  run.deliver_all();
  Program again(store_->process.port(), 0);
  for (int i = 0; i < 50; ++i) run.add_event(start + kSecond + i * 5 * kMs, 8);
  again.records = records;
  for (Record& record : run.records) {
    record.time_ns = records[0].time_ns;
    again.records.push_back(record);
  }
  run.settle();
  again.deliver_all();
  expect_same(store_->samples(), run.sent);
}

INSTANTIATE_TEST_SUITE_P(, RemoteWriteServers, testing::Values("prometheus", "victoria-metrics"),
                         [](const auto& one) {
                           return one.param == std::string("prometheus") ? "Prometheus"
                                                                         : "VictoriaMetrics";
                         });

/// Killed at any moment, in the middle of requests too.
TEST(RemoteWritePrometheus, KilledWhileItIsWrittenTo) {
  if (test::find_server("prometheus").empty()) GTEST_SKIP() << "Prometheus is not unpacked";
  Prometheus store;
  store.process.start();
  Program run(store.process.port());
  const std::int64_t start = wall_ns() - 600 * kSecond;
  constexpr int kKills = 3;
  std::atomic<int> batches{0};
  std::atomic<int> kills{0};
  std::thread sender([&] {
    for (int batch = 0; batch < 100 * (kKills + 1); ++batch) {
      for (int i = 0; i < 50; ++i) {
        run.add_event(start + batch * kSecond + i * 5 * kMs, static_cast<std::uint64_t>(i),
                      static_cast<std::uint32_t>(i % 3));
      }
      // Not so far ahead that nothing is left to be disturbed.
      while (batch >= 100 * (kills + 1) + 90 && kills < kKills) std::this_thread::yield();
      Outcome outcome = run.deliver();
      while (outcome.result == Result::kTryAgain) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        outcome = run.deliver();
      }
      EXPECT_EQ(outcome.result, Result::kDelivered) << outcome.detail;
      EXPECT_EQ(outcome.refused, 0U) << outcome.detail;
      run.settle();
      batches = batch + 1;
    }
  });
  while (kills < kKills) {
    while (batches < 100 * (kills + 1)) std::this_thread::yield();
    store.process.kill();
    ++kills;
    store.process.start();
  }
  sender.join();
  expect_same(store.samples(), run.sent);
}

TEST(RemoteWritePrometheus, OneSampleThatIsTooOldCostsNoOthers) {
  if (test::find_server("prometheus").empty()) GTEST_SKIP() << "Prometheus is not unpacked";
  for (const std::string window : {"", "1h"}) {
    Prometheus store(window);
    store.process.start();
    const std::int64_t start = wall_ns() - 120 * kSecond;
    Program first(store.process.port());
    first.add_event(start + 60 * kSecond + 500 * kMs, 1);
    first.deliver_all();
    // Another program, or one that forgot, writes to the same series.
    Program second(store.process.port());
    for (std::uint32_t i = 0; i < 100; ++i) second.add_event(start + i * kSecond, 100 + i, i % 2);
    if (window.empty()) {
      // Why requests are sent in parts: for one such sample nothing of a request is taken.
      std::string request;
      for (const Record& record : second.records) request += record.bytes;
      std::string compressed;
      snappy::Compress(request.data(), request.size(), &compressed);
      HttpPost post(http_target(Program::options(store.process.port()).http));
      EXPECT_EQ(post.post(compressed, "application/x-protobuf", "snappy").status, 400);
      EXPECT_EQ(store.samples(), first.sent);
    }
    const Outcome outcome = second.deliver();
    EXPECT_EQ(outcome.result, Result::kDelivered);
    const Samples stored = store.samples();
    const std::size_t samples = stored.at(kQueue).size();
    if (window.empty()) {
      // The other queue's events before that count on the same counter, and are refused with it.
      EXPECT_EQ(outcome.refused, 61U) << outcome.detail;
      EXPECT_NE(outcome.detail.find("out of order"), std::string::npos) << outcome.detail;
      EXPECT_EQ(samples, 1U + 19U);
    } else {
      EXPECT_EQ(outcome.refused, 0U) << outcome.detail;
      EXPECT_EQ(samples, 1U + 50U);
    }
    EXPECT_EQ(stored.at(kQueue).back().value(), 198);
  }
}

TEST(RemoteWritePrometheus, WhatIsBeyondItsWindowIsRefusedAndTheRestIsTaken) {
  if (test::find_server("prometheus").empty()) GTEST_SKIP() << "Prometheus is not unpacked";
  Prometheus store("30s");
  store.process.start();
  const std::int64_t start = wall_ns() - 120 * kSecond;
  Program first(store.process.port());
  first.add_event(start + 60 * kSecond + 500 * kMs, 1);
  first.deliver_all();
  Program second(store.process.port());
  for (std::uint32_t i = 0; i < 100; ++i) second.add_event(start + i * kSecond, 100 + i);
  const Outcome outcome = second.deliver();
  EXPECT_EQ(outcome.result, Result::kDelivered) << outcome.detail;
  EXPECT_EQ(outcome.refused, 31U) << "until half a second after the 30th";
  EXPECT_NE(outcome.detail.find("too old"), std::string::npos) << outcome.detail;
  const Samples stored = store.samples();
  EXPECT_EQ(stored.at(kQueue).size(), 1U + 69U);
  EXPECT_EQ(stored.at(kQueue).front().value(), 131);
}

}  // namespace
}  // namespace hopscope::exporter
