// The export side put together, as a user sees it: pages, caps, sinks in trouble.

#include "export/exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "support/exposition.h"
#include "support/fake_tables.h"
#include "support/http_client.h"
#include "support/scripted_server.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using testing::HasSubstr;

class ExporterTest : public testing::Test {
 protected:
  ExporterTest() { options_.http.listen = "127.0.0.1:" + std::to_string(port_); }

  std::unique_ptr<Exporter> make() {
    return std::make_unique<Exporter>(
        options_, pipeline::SwitchOptions{},
        ExporterInput{.tables = tables_,
                      .take_events =
                          [this](std::span<pipeline::Event> events) {
                            const std::size_t count = std::min(left_, events.size());
                            std::fill_n(events.begin(), count, pipeline::Event{});
                            left_ -= count;
                            return count;
                          },
                      .sources = {},
                      .formats = {},
                      .xdp = nullptr,
                      .health =
                          [] {
                            return std::vector<HealthCheck>{{"receive", true, "well"}};
                          },
                      .ready = nullptr});
  }

  void events(Exporter& exporter, std::size_t count) {
    left_ = count;
    EXPECT_EQ(exporter.drain_patiently(), count);
  }

  [[nodiscard]] std::map<std::string, test::Family> families() const {
    return test::parse_exposition(test::http(port_, "/metrics").body);
  }
  /// What /healthz says of a check; it is well as a whole.
  [[nodiscard]] std::string health_of(const std::string& check) const {
    const test::HttpAnswer answer = test::http(port_, "/healthz");
    EXPECT_EQ(answer.status, 200);
    const auto json = nlohmann::json::parse(answer.body);
    for (const auto& one : json["checks"]) {
      if (one["name"] == check) return one["detail"];
    }
    return "there is no such check";
  }

  const std::uint16_t port_ = test::free_tcp_port();
  test::FakeTables tables_;
  ExportOptions options_;
  std::size_t left_ = 0;  ///< events to be taken
};

TEST_F(ExporterTest, NoMoreFlowsAreChosenThanFitAFamily) {
  for (std::uint8_t i = 0; i < 50; ++i) {
    pipeline::FlowSnapshot flow = test::flow_over(i, {1, 2});
    flow.reports = i + 1U;
    tables_.flows.push_back(flow);
  }
  options_.flows.series = FlowSeries::kAll;
  options_.max_series = 10;
  const auto exporter = make();
  const auto all = families();
  double shown = 0;
  const auto& reports = all.at("int_flow_reports_total").samples;
  for (const auto& [series, value] : reports) shown += value;
  EXPECT_EQ(reports.size(), 10U);
  EXPECT_EQ(shown + all.at("int_flow_other_reports").samples.begin()->second, 50 * 51 / 2);
}

/// No file may grow beyond a byte, as on a full disk, as long as it lives.
class NoRoom {
 public:
  NoRoom() {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &none);
  }
  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;
  ~NoRoom() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int) = signal(SIGXFSZ, SIG_IGN);
  rlimit before_{};
};

TEST_F(ExporterTest, AFailingSpoolIsToldThoughTheSinkIsWell) {
  const test::TemporaryDirectory directory;
  test::ScriptedServer store(
      [](const test::HttpRequest&) { return test::http_answer("204 No Content"); });
  InfluxOptions sink;
  sink.name = "store";
  sink.database = "int";
  sink.http.url = "http://127.0.0.1:" + std::to_string(store.port());
  sink.delivery.batch_age_s = 0;
  sink.delivery.spool.directory = directory.path() + "/spool";
  sink.delivery.spool.sync_interval_s = 0.01;
  options_.influxdb.push_back(sink);
  const auto exporter = make();
  const auto counts = [&] { return exporter->sink_counts()[0].counts; };
  const auto failing = [&] {
    return families().at("hopscope_sink_spool_failing").samples.begin()->second;
  };
  events(*exporter, 10);
  while (counts().delivered < 10) std::this_thread::yield();
  EXPECT_EQ(health_of("sink-store"), "ok");
  EXPECT_EQ(failing(), 0);
  {
    const NoRoom no_room;
    // It is tried again now and then, and has nothing to try with when all is delivered.
    std::string health;
    for (std::size_t made = 10; health.find("cannot write") == std::string::npos;) {
      events(*exporter, 10);
      made += 10;
      while (counts().delivered < made) std::this_thread::yield();
      health = health_of("sink-store");
    }
    EXPECT_THAT(health, HasSubstr("ok; cannot write"));
    EXPECT_THAT(health, HasSubstr(".segment"));
    while (failing() != 1) events(*exporter, 1);
    EXPECT_EQ(sum_of(counts().dropped), 0U) << "memory holds what comes";
  }
  while (counts().spool_failing) events(*exporter, 1);
  EXPECT_EQ(failing(), 0);
  EXPECT_EQ(health_of("sink-store"), "ok");
}

}  // namespace
}  // namespace hopscope::exporter
