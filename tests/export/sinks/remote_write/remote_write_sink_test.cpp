#include "export/sinks/remote_write/remote_write_sink.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <limits>
#include <set>

#include "support/remote_write.h"
#include "support/scripted_server.h"

namespace hopscope::exporter {
namespace {

using Result = Outcome::Result;
using test::http_answer;
using test::HttpRequest;
using test::ScriptedServer;

constexpr std::int64_t kNow = 1'700'000'000'000'000'000;

std::string body_of(const HttpRequest& request) {
  std::string body;
  EXPECT_TRUE(snappy::Uncompress(request.body.data(), request.body.size(), &body));
  return body;
}

/// Which events are in a request, by the times of their counter.
std::set<std::int64_t> times_of(const HttpRequest& request) {
  std::set<std::int64_t> times;
  for (const auto& [series, samples] : test::samples_of(body_of(request))) {
    for (const auto& sample : samples) {
      if (sample.value() != 0) times.insert(sample.time_ms - kNow / 1'000'000);
    }
  }
  return times;
}

struct Pushed {
  explicit Pushed(ScriptedServer::Script script) : server(std::move(script)) {
    RemoteWriteOptions options;
    options.http.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/api/v1/write";
    sink = std::make_unique<RemoteWriteSink>(options, names);
  }

  /// Records 0, 1, ... of events 0, 1, ... ms after kNow, made after the sink.
  std::vector<Record> records(int count) {
    std::vector<Record> made;
    for (int i = 0; i < count; ++i) {
      pipeline::Event event;
      event.kind = pipeline::EventKind::kPathChange;
      event.measurement = pipeline::Measurement::kFlow;
      event.receive_time_ns = kNow + i * 1'000'000;
      Record record;
      record.number = static_cast<std::uint64_t>(i);
      record.time_ns = std::numeric_limits<std::int64_t>::max();
      sink->encode(&event, event.receive_time_ns, record.bytes);
      made.push_back(record);
    }
    return made;
  }

  const Names names{pipeline::SwitchOptions{}};
  ScriptedServer server;
  std::unique_ptr<RemoteWriteSink> sink;
};

/// Refuses requests with an event at one of these times, as Prometheus does.
ScriptedServer::Script refuse(std::set<std::int64_t> times, const std::string& why) {
  return [times = std::move(times), why](const HttpRequest& request) {
    for (const std::int64_t time : times_of(request)) {
      if (times.contains(time)) return http_answer("400 Bad Request", why);
    }
    return http_answer("204 No Content");
  };
}

TEST(RemoteWriteSink, ARequestIsWhatTheProtocolWants) {
  Pushed pushed([](const HttpRequest&) { return http_answer("204 No Content"); });
  const auto records = pushed.records(3);
  const Outcome outcome = pushed.sink->deliver(records);
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 0U);
  ASSERT_EQ(pushed.server.requests().size(), 1U);
  const HttpRequest request = pushed.server.requests()[0];
  EXPECT_TRUE(request.head.starts_with("POST /api/v1/write HTTP/1.1\r\n")) << request.head;
  for (const char* header :
       {"X-Prometheus-Remote-Write-Version: 0.1.0", "Content-Type: application/x-protobuf",
        "Content-Encoding: snappy", "User-Agent: hopscope/"}) {
    EXPECT_NE(request.head.find(header), std::string::npos) << header << "\n" << request.head;
  }
  EXPECT_EQ(request.head.find("User-Agent"), request.head.rfind("User-Agent")) << "once";
  std::string all;
  for (const Record& record : records) all += record.bytes;
  EXPECT_EQ(body_of(request), all);
  const auto samples = test::samples_of(all);
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples.begin()->second.size(), 4U) << "three, and a zero in front";
}

TEST(RemoteWriteSink, AnswersMeanWhatTheyMeanEverywhere) {
  std::string answer;
  Pushed pushed([&answer](const HttpRequest&) { return answer; });
  const auto records = pushed.records(2);
  const auto deliver = [&](const std::string& next) {
    answer = next;
    return pushed.sink->deliver(records);
  };
  Outcome outcome = deliver(http_answer("429 Too Many Requests", "", "Retry-After: 7\r\n"));
  EXPECT_EQ(outcome.result, Result::kTryAgain);
  EXPECT_EQ(outcome.retry_after, std::chrono::seconds(7));
  EXPECT_EQ(deliver(http_answer("503 Service Unavailable")).result, Result::kTryAgain);
  EXPECT_EQ(deliver("").result, Result::kTryAgain) << "no answer";
  EXPECT_EQ(deliver(http_answer("200 OK", "<html>log in</html>")).result, Result::kTryAgain);
  const std::size_t before = pushed.server.requests().size();
  outcome = deliver(http_answer("400 Bad Request", "snappy: corrupt input"));
  EXPECT_EQ(outcome.result, Result::kRefused);
  EXPECT_NE(outcome.detail.find("corrupt"), std::string::npos);
  EXPECT_EQ(pushed.server.requests().size(), before + 1) << "no smaller request would help";
}

TEST(RemoteWriteSink, OnlyRecordsThatAreToBlameAreRefused) {
  for (const char* why : {"out of order sample", "out of bounds", "Too old sample",
                          "err-mimir-sample-out-of-order"}) {
    Pushed pushed(refuse({3, 4, 61}, why));
    const Outcome outcome = pushed.sink->deliver(pushed.records(100));
    EXPECT_EQ(outcome.result, Result::kDelivered);
    EXPECT_EQ(outcome.refused, 3U);
    EXPECT_NE(outcome.detail.find(why), std::string::npos) << outcome.detail;
    std::vector<std::int64_t> taken;
    for (const HttpRequest& request : pushed.server.requests()) {
      const std::set<std::int64_t> times = times_of(request);
      if (times.contains(3) || times.contains(4) || times.contains(61)) continue;
      taken.insert(taken.end(), times.begin(), times.end());
    }
    EXPECT_EQ(taken.size(), 97U) << "each once";
    EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end())) << "in order";
    EXPECT_LT(pushed.server.requests().size(), 60U);
  }
}

TEST(RemoteWriteSink, WhatIsBeyondTheWindowOfPrometheusHoldsUpNothing) {
  Pushed pushed([](const HttpRequest& request) {
    return times_of(request).contains(3)
               ? http_answer("500 Internal Server Error", "too old sample\n")
               : http_answer("204 No Content");
  });
  const Outcome outcome = pushed.sink->deliver(pushed.records(100));
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 1U);
}

TEST(RemoteWriteSink, WhereMuchIsRefusedItTellsOnTheWay) {
  std::set<std::int64_t> all;
  for (std::int64_t time = 0; time < 1000; ++time) all.insert(time);
  Pushed pushed(refuse(all, "out of bounds"));
  const std::vector<Record> records = pushed.records(1000);
  std::span<const Record> left = records;
  std::uint64_t refused = 0;
  int parts = 0;
  while (!left.empty()) {
    const Outcome outcome = pushed.sink->deliver(left);
    refused += outcome.result == Result::kRefused ? left.size() : outcome.refused;
    if (outcome.result == Result::kRefused) break;
    ASSERT_EQ(outcome.result, Result::kPartly);
    ASSERT_GT(outcome.taken, 0U);
    EXPECT_EQ(outcome.taken, outcome.refused);
    EXPECT_NE(outcome.detail, "");
    left = left.subspan(outcome.taken);
    ++parts;
  }
  EXPECT_EQ(refused, 1000U);
  EXPECT_GE(parts, 2);
}

TEST(RemoteWriteSink, ARequestThatIsTooLargeIsParted) {
  Pushed pushed([](const HttpRequest& request) {
    return times_of(request).size() > 10 ? http_answer("413 Payload Too Large")
                                         : http_answer("204 No Content");
  });
  const Outcome outcome = pushed.sink->deliver(pushed.records(64));
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 0U);
  std::size_t taken = 0;
  for (const HttpRequest& request : pushed.server.requests()) {
    const std::size_t events = times_of(request).size();
    taken += events <= 10 ? events : 0;
  }
  EXPECT_EQ(taken, 64U);
}

TEST(RemoteWriteSink, GoesOnWhereItWasInterrupted) {
  bool is_down = false;
  const auto script = refuse({5}, "out of order sample");
  Pushed pushed([&](const HttpRequest& request) {
    // Down for one request, behind the record that was refused.
    if (times_of(request).contains(12) && times_of(request).size() < 5 && !is_down) {
      is_down = true;
      return http_answer("500 Internal Server Error");
    }
    return script(request);
  });
  const auto records = pushed.records(16);
  const Outcome interrupted = pushed.sink->deliver(records);
  EXPECT_EQ(interrupted.result, Result::kTryAgain);
  EXPECT_GT(interrupted.taken, 5U);
  EXPECT_EQ(interrupted.refused, 1U) << "of those: it is not forgotten";
  const std::size_t before = pushed.server.requests().size();
  const Outcome outcome = pushed.sink->deliver(std::span(records).subspan(interrupted.taken));
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 0U);
  ASSERT_GT(pushed.server.requests().size(), before);
  const std::set<std::int64_t> resumed = times_of(pushed.server.requests()[before]);
  EXPECT_GT(*resumed.begin(), 5) << "nothing that was taken goes again";
  EXPECT_TRUE(resumed.contains(12));
}

TEST(RemoteWriteSink, WhatArrivedWithoutAnAnswerIsNotRefused) {
  bool has_taken = false;
  Pushed pushed([&](const HttpRequest& request) {
    if (!has_taken) {
      has_taken = true;
      return std::string();
    }
    return refuse({0, 1, 2}, "out of order sample")(request);
  });
  const auto records = pushed.records(4);
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kTryAgain);
  const Outcome outcome = pushed.sink->deliver(records);
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_EQ(outcome.refused, 0U) << outcome.detail;
}

TEST(RemoteWriteSink, WhatItsServerMayHaveLostGoesAgain) {
  // With its memory the server loses which samples it has.
  std::set<std::int64_t> has;
  Pushed pushed([&](const HttpRequest& request) {
    for (const std::int64_t time : times_of(request)) {
      if (has.contains(time)) return http_answer("400 Bad Request", "out of order sample");
    }
    has.merge(times_of(request));
    return http_answer("204 No Content");
  });
  const auto records = pushed.records(8);
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kDelivered);
  has.clear();
  has.insert(5);
  const Outcome again = pushed.sink->deliver(records);
  EXPECT_EQ(again.result, Result::kDelivered);
  EXPECT_EQ(again.refused, 0U) << "it is there: " << again.detail;
  EXPECT_EQ(has.size(), 8U);
  // Those that come later too.
  auto later = pushed.records(12);
  later.erase(later.begin(), later.begin() + 8);
  EXPECT_EQ(pushed.sink->deliver(later).refused, 0U);
  EXPECT_EQ(has.size(), 12U);
}

TEST(RemoteWriteSink, PartsOfABatchThatWentWithTheConnectionGoAgain) {
  std::set<std::int64_t> has;
  bool was_killed = false;
  ScriptedServer* server = nullptr;
  Pushed pushed([&](const HttpRequest& request) {
    if (times_of(request).size() > 4) return http_answer("413 Content Too Large");
    if (times_of(request).contains(6) && !std::exchange(was_killed, true)) {
      has.clear();
      server->hang_up();
      return std::string();
    }
    has.merge(times_of(request));
    return http_answer("204 No Content");
  });
  server = &pushed.server;
  const auto records = pushed.records(8);
  Outcome outcome = pushed.sink->deliver(records);
  // Where libcurl itself tries once more on a new connection, it is seen at once; else with the
  // rest, and then the delivery sends again what it held.
  if (outcome.result == Result::kTryAgain) {
    EXPECT_EQ(outcome.taken, 4U);
    outcome = pushed.sink->deliver(std::span(records).subspan(outcome.taken));
    EXPECT_EQ(pushed.sink->deliver(records).refused, 0U);
  }
  EXPECT_EQ(outcome.result, Result::kDelivered);
  EXPECT_TRUE(outcome.reconnected);
  EXPECT_EQ(has.size(), 8U);
}

TEST(RemoteWriteSink, WhatWasRefusedIsNotThereAfterANewConnection) {
  ScriptedServer* server = nullptr;
  bool was_closed = false;
  const auto script = refuse({0}, "out of order sample");
  Pushed pushed([&](const HttpRequest& request) {
    if (times_of(request).contains(3) && times_of(request).size() < 3 &&
        !std::exchange(was_closed, true)) {
      server->hang_up();
      return std::string();
    }
    return script(request);
  });
  server = &pushed.server;
  const auto records = pushed.records(4);
  auto left = std::span<const Record>(records);
  std::uint64_t refused = 0;
  for (Outcome outcome = pushed.sink->deliver(left);; outcome = pushed.sink->deliver(left)) {
    refused += outcome.refused;
    if (outcome.result != Result::kTryAgain) break;
    left = left.subspan(outcome.taken);
  }
  EXPECT_EQ(refused, 1U);
}

TEST(RemoteWriteSink, ANewConnectionIsToldThoughALaterPartMustWait) {
  bool is_busy = false;
  Pushed pushed([&](const HttpRequest& request) {
    if (is_busy && times_of(request).size() > 4) return http_answer("413 Content Too Large");
    if (is_busy && times_of(request).contains(6)) return http_answer("503 Service Unavailable");
    return http_answer("204 No Content");
  });
  const auto records = pushed.records(8);
  EXPECT_EQ(pushed.sink->deliver(records).result, Result::kDelivered);
  pushed.server.hang_up();
  while (pushed.sink->is_connected()) std::this_thread::yield();
  is_busy = true;
  const Outcome outcome = pushed.sink->deliver(records);
  EXPECT_EQ(outcome.result, Result::kTryAgain);
  EXPECT_EQ(outcome.taken, 4U);
  EXPECT_TRUE(outcome.reconnected);
}

TEST(RemoteWriteSink, RecordsOfAnEarlierRunMayBeThere) {
  Pushed pushed(refuse({0, 1}, "out of order sample"));
  auto records = pushed.records(4);
  for (Record& record : records) record.time_ns = kNow;  // long ago
  EXPECT_EQ(pushed.sink->deliver(records).refused, 0U);
  Pushed other(refuse({0, 1}, "out of bounds"));
  records = other.records(4);
  for (Record& record : records) record.time_ns = kNow;
  EXPECT_EQ(other.sink->deliver(records).refused, 2U) << "too old says nothing of that";
}

TEST(RemoteWriteSink, EventsOrValuesMayBeOff) {
  for (const bool events : {false, true}) {
    RemoteWriteOptions options;
    options.http.url = "http://127.0.0.1:1";
    options.events = events;
    options.values = !events;
    const Names names{pipeline::SwitchOptions{}};
    RemoteWriteSink sink(options, names);
    pipeline::Event event;
    event.receive_time_ns = kNow;
    std::string record;
    sink.encode(&event, kNow, record);
    EXPECT_EQ(record.empty(), !events);
    const pipeline::DropSnapshot drop{.switch_id = 1, .reason = 2, .packets = 3};
    record.clear();
    sink.encode(&drop, kNow, record);
    EXPECT_EQ(record.empty(), events);
  }
}

}  // namespace
}  // namespace hopscope::exporter
