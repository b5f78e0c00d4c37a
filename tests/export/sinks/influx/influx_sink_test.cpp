#include "export/sinks/influx/influx_sink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline/tables/snapshot.h"
#include "support/scripted_server.h"

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;
using test::http_answer;
using test::HttpRequest;
using test::ScriptedServer;

constexpr std::int64_t kNow = 1'700'000'000'000'000'000;

struct Pushed {
  explicit Pushed(ScriptedServer::Script script,
                  const std::function<void(InfluxOptions&)>& more = {})
      : server(std::move(script)) {
    InfluxOptions options;
    options.http.url = "http://127.0.0.1:" + std::to_string(server.port());
    options.http.gzip = false;
    options.database = "int";
    if (more) more(options);
    sink = std::make_unique<InfluxSink>(options, names);
  }

  /// The records of one item, as Delivery takes them apart.
  std::vector<Record> records(const Item& item) {
    std::string made;
    sink->encode(item, kNow, made);
    std::vector<Record> apart;
    for (std::string_view left = made; !left.empty();) {
      const std::size_t length = sink->first_record(left);
      apart.push_back({.bytes = std::string(left.substr(0, length))});
      left.remove_prefix(length);
    }
    return apart;
  }

  const Names names{pipeline::SwitchOptions{}};
  ScriptedServer server;
  std::unique_ptr<InfluxSink> sink;
};

pipeline::PortSnapshot port_with_queues(std::uint32_t queues) {
  pipeline::PortSnapshot port;
  port.key = {.switch_id = 1, .port = 2};
  port.has_tx_utilization = true;
  port.tx_utilization = 7;
  for (std::uint32_t i = 0; i < queues; ++i) {
    pipeline::QueueSnapshot queue;
    queue.queue = static_cast<decltype(queue.queue)>(i);
    queue.has_occupancy = true;
    queue.occupancy = 3;
    port.queues.push_back(queue);
  }
  return port;
}

std::string yes() {
  return http_answer("204 No Content");
}

TEST(InfluxSink, APointIsARecord) {
  Pushed pushed([](const HttpRequest&) { return yes(); });
  const pipeline::PortSnapshot port = port_with_queues(3);
  const auto records = pushed.records(&port);
  ASSERT_EQ(records.size(), 4U) << "the port and its queues";
  for (const Record& record : records) {
    EXPECT_EQ(std::count(record.bytes.begin(), record.bytes.end(), '\n'), 1);
    EXPECT_TRUE(record.bytes.ends_with("\n"));
  }
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kDelivered);
  ASSERT_EQ(pushed.server.requests().size(), 1U);
  const HttpRequest request = pushed.server.requests()[0];
  EXPECT_TRUE(request.head.starts_with("POST /write?db=int&precision=n HTTP/1.1\r\n"));
  EXPECT_EQ(std::count(request.body.begin(), request.body.end(), '\n'), 4);
}

TEST(InfluxSink, OfAPartialWriteWhatItNamesIsRefused) {
  std::string body;
  Pushed pushed([&body](const HttpRequest&) { return http_answer("400 Bad Request", body); });
  const pipeline::PortSnapshot port = port_with_queues(9);
  const auto records = pushed.records(&port);
  ASSERT_EQ(records.size(), 10U);
  body = R"({"error":"partial write: field type conflict: input field dropped=3"})";
  Outcome outcome = pushed.sink->deliver(records);
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 3U);
  body = R"({"error":"partial write: unable to parse 'a': x\nunable to parse 'b': y dropped=0"})";
  outcome = pushed.sink->deliver(records);
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 2U);
  body = R"({"error":"database not found: \"int\""})";
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kRefused);
  // More than is read of an answer cannot be counted: of half of the points it says less.
  body = "{\"error\":\"partial write: unable to parse '" + std::string(70'000, 'a') + "'";
  body += " dropped=0\"}";
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kTooLarge);
  outcome = pushed.sink->deliver(std::span(records).first(1));
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_GE(outcome.refused, 1U);
}

TEST(InfluxSink, WhatMayBeOfSeveralShardsIsAskedAboutInParts) {
  std::string body;
  Pushed pushed([&body](const HttpRequest&) { return http_answer("400 Bad Request", body); });
  const pipeline::PortSnapshot port = port_with_queues(3);
  auto records = pushed.records(&port);
  ASSERT_EQ(records.size(), 4U);
  constexpr std::int64_t kHour = 3'600'000'000'000;
  constexpr std::int64_t kNoon = 472'222 * kHour;
  const auto at = [&](std::int64_t first, std::int64_t last) {
    for (Record& record : records) record.time_ns = first;
    records.back().time_ns = last;
    return pushed.sink->deliver(records).result;
  };
  body = R"({"error":"partial write: field type conflict dropped=2"})";
  EXPECT_EQ(at(kNoon + kHour / 4, kNoon + kHour / 2), Result::kDelivered);
  EXPECT_EQ(at(kNoon - kHour / 4, kNoon + kHour / 4), Result::kTooLarge);
  // The switch's time may be that of before the hour.
  EXPECT_EQ(at(kNoon + kHour / 120, kNoon + kHour / 2), Result::kTooLarge);
  EXPECT_EQ(pushed.sink->deliver(std::span(records).first(1)).refused, 2U);
  body = R"({"error":"partial write: field type conflict dropped=4"})";
  EXPECT_EQ(at(kNoon - kHour / 4, kNoon + kHour / 4), Result::kDelivered) << "all of them";
}

TEST(InfluxSink, RecordsSayWhatTheyAre) {
  std::set<std::string> all;
  for (const auto precision :
       {TimePrecision::kNs, TimePrecision::kUs, TimePrecision::kMs, TimePrecision::kS}) {
    const Pushed pushed([](const HttpRequest&) { return yes(); },
                        [&](InfluxOptions& options) { options.precision = precision; });
    all.insert(pushed.sink->content());
  }
  EXPECT_EQ(all,
            (std::set<std::string>{"influxdb ns", "influxdb us", "influxdb ms", "influxdb s"}));
}

}  // namespace
}  // namespace hopscope::exporter
