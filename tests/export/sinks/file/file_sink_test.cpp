#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/setup_error.h"
#include "export/sinks/file/event_json.h"
#include "export/sinks/file/file_sink.h"
#include "support/fake_tables.h"

namespace hopscope::exporter {
namespace {

using nlohmann::json;
using pipeline::Event;
using pipeline::EventKind;
using pipeline::Measurement;

pipeline::SwitchOptions switches() {
  pipeline::SwitchOptions options;
  options.by_id[2].name = "spine \"2\"\t";
  options.by_id[2].latency_unit_s = 1e-6;
  return options;
}

Event moved() {
  Event event;
  event.kind = EventKind::kValueMoved;
  event.measurement = Measurement::kHopLatency;
  event.has_flow = event.has_switch = event.has_old = event.has_switch_time = true;
  event.flow = test::flow_key(1);
  event.switch_id = 2;
  event.old_value = 100;
  event.new_value = 250;
  event.switch_time = 0xFFFFFFFFFFFFFFFE;
  event.time_switch_id = 2;
  event.receive_time_ns = 1'700'000'000'000'000'007;
  return event;
}

json as_json(const Event& event) {
  const Names names(switches());
  std::string text;
  append_event_json(text, event, names);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  return json::parse(text);
}

std::vector<json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

TEST(EventJson, AValueThatMoved) {
  EXPECT_EQ(as_json(moved()), json::parse(R"({"kind":"value_moved","measurement":"hop_latency",
              "time":"2023-11-14T22:13:20.000000007Z","receive_time_ns":1700000000000000007,
              "switch_time":18446744073709551614,"time_switch":2,
              "flow":{"src":"10.0.0.1","dst":"10.0.1.1","sport":4001,"dport":80,"proto":"udp"},
              "switch":2,"switch_name":"spine \"2\"\t","old":100,"new":250,
              "old_seconds":0.0001,"new_seconds":0.00025})"));
}

TEST(EventJson, APathThatChanged) {
  Event event;
  event.kind = EventKind::kPathChange;
  event.measurement = Measurement::kFlow;
  event.has_flow = true;
  event.flow = test::flow_key(1);
  event.old_path = {.count = 2, .switch_id = {1, 3}};
  event.new_path = {.count = 3, .switch_id = {1, 2, 3}};
  const json got = as_json(event);
  EXPECT_EQ(got["old_path"], json::parse(R"(["1","3"])"));
  EXPECT_EQ(got["path"], json::parse(R"(["1","spine \"2\"\t","3"])"));
  EXPECT_FALSE(got.contains("old"));
  EXPECT_FALSE(got.contains("switch"));
}

TEST(EventJson, ADropHasItsReasonByName) {
  Event event;
  event.kind = EventKind::kDrop;
  event.measurement = Measurement::kDropReason;
  event.has_switch = event.has_port = event.has_queue = true;
  event.switch_id = 9;
  event.port = 4;
  event.queue = 1;
  event.new_value = 29;
  const json got = as_json(event);
  EXPECT_EQ(got["reason"], "ip_route_miss");
  EXPECT_EQ(got["new"], 29);
  EXPECT_EQ(got["port"], 4);
  EXPECT_EQ(got["queue"], 1);
}

TEST(EventJson, TimesBefore1970AreTimes) {
  Event event = moved();
  event.receive_time_ns = -1;
  EXPECT_EQ(as_json(event)["time"], "1969-12-31T23:59:59.999999999Z");
}

class FileSinkTest : public testing::Test {
 protected:
  FileSinkTest() {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/events.ndjson";
  }
  ~FileSinkTest() override {
    for (const char* name : {"/events.ndjson", "/events.1", "/pipe"}) {
      unlink((directory_ + name).c_str());
    }
    rmdir(directory_.c_str());
  }

  const Names names_{switches()};
  std::string directory_ = testing::TempDir() + "hopscope_XXXXXX";
  std::string path_;
};

/// Records as Delivery would make them.
std::vector<Record> records(Sink& sink, std::size_t count) {
  std::vector<Record> made(count);
  const Event event = moved();
  for (std::size_t i = 0; i < count; ++i) {
    made[i].number = i;
    sink.encode(&event, 0, made[i].bytes);
  }
  return made;
}

TEST_F(FileSinkTest, AppendsALineAnEvent) {
  {
    FileSink sink(path_, names_);
    EXPECT_EQ(sink.deliver(records(sink, 3)).result, Outcome::Result::kDelivered);
  }
  FileSink again(path_, names_);
  EXPECT_EQ(again.deliver(records(again, 3)).result, Outcome::Result::kDelivered);
  EXPECT_EQ(lines_of(path_).size(), 6U);
}

TEST_F(FileSinkTest, HasNothingToSayOfRows) {
  FileSink sink(path_, names_);
  const pipeline::PortSnapshot port;
  std::string record;
  sink.encode(&port, 0, record);
  EXPECT_EQ(record, "");
}

TEST_F(FileSinkTest, ReopensAfterRotation) {
  FileSink sink(path_, names_);
  const auto write = [&sink](std::size_t count) {
    EXPECT_EQ(sink.deliver(records(sink, count)).result, Outcome::Result::kDelivered);
  };
  write(2);
  ASSERT_EQ(rename(path_.c_str(), (directory_ + "/events.1").c_str()), 0);
  write(1);
  EXPECT_EQ(sink.reopen(), "");
  write(5);
  EXPECT_EQ(lines_of(directory_ + "/events.1").size(), 3U);
  EXPECT_EQ(lines_of(path_).size(), 5U);
}

TEST_F(FileSinkTest, AFullDiskMayHaveRoomAgain) {
  FileSink sink("/dev/full", names_);
  const Outcome outcome = sink.deliver(records(sink, 4));
  EXPECT_EQ(outcome.result, Outcome::Result::kTryAgain);
  EXPECT_EQ(outcome.taken, 0U);
  EXPECT_NE(outcome.detail.find("No space left"), std::string::npos) << outcome.detail;
}

TEST_F(FileSinkTest, WhatCannotBeOpenedIsSaid) {
  EXPECT_THROW(FileSink(directory_ + "/none/events", names_), SetupError);
}

TEST_F(FileSinkTest, APipeWithoutReaderIsRefused) {
  signal(SIGPIPE, SIG_IGN);
  const std::string fifo = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  FileSink sink(fifo, names_);
  close(reader);
  EXPECT_EQ(sink.deliver(records(sink, 2)).result, Outcome::Result::kRefused);
}

TEST_F(FileSinkTest, AReaderThatSleepsDoesNotStopTheEnd) {
  const std::string fifo = directory_ + "/pipe";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  FileSink sink(fifo, names_);
  Outcome outcome;
  std::thread writer([&] { outcome = sink.deliver(records(sink, 10'000)); });
  sink.hurry();
  writer.join();
  EXPECT_EQ(outcome.result, Outcome::Result::kTryAgain);
  EXPECT_LT(outcome.taken, 10'000U);
  // What did go through is whole lines but for the last one.
  std::string text(1 << 20, '\0');
  text.resize(
      static_cast<std::size_t>(std::max<ssize_t>(0, read(reader, text.data(), text.size()))));
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), outcome.taken);
  close(reader);
}

}  // namespace
}  // namespace hopscope::exporter
