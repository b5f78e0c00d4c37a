// Answers to scrapes: parameters, deadlines, encodings, and what they take of memory.

#include "export/metrics/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <new>
#include <set>

#include "export/metrics/example_tables.h"
#include "export/metrics/exposition.h"
#include "support/exposition.h"
#include "support/fake_tables.h"
#include "support/render.h"

namespace {

// All that operator new has given out and not got back; the tests here have one thread.
std::size_t held = 0;
std::size_t most_held = 0;
constexpr std::size_t kHead = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t bytes) {
  auto* at = static_cast<char*>(std::malloc(bytes + kHead));
  if (at == nullptr) throw std::bad_alloc();
  *reinterpret_cast<std::size_t*>(at) = bytes;
  held += bytes;
  most_held = std::max(most_held, held);
  return at + kHead;
}
// std::stable_sort asks for its buffer by this one, and a sanitizer has its own.
void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  char* at = static_cast<char*>(memory) - kHead;
  held -= *reinterpret_cast<std::size_t*>(at);
  std::free(at);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  operator delete(memory);
}

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class FakeResponse final : public ScrapeResponse {
 public:
  void limit(std::chrono::nanoseconds time) override { time_for_it = time; }
  bool begin(int answer_status, std::string_view answer_type,
             std::string_view answer_encoding) override {
    EXPECT_EQ(status, 0) << "begun twice";
    status = answer_status;
    type = answer_type;
    encoding = answer_encoding;
    return true;
  }
  bool write(std::string_view piece) override {
    EXPECT_NE(status, 0);
    EXPECT_FALSE(finished);
    if (pieces++ >= most_pieces) {
      if (gives_up) gives_up();
      return false;
    }
    if (keeps_body) body += piece;
    return true;
  }
  void finish() override { finished = true; }

  std::size_t most_pieces = 1'000'000;
  std::function<void()> gives_up{};
  std::chrono::nanoseconds time_for_it{};
  bool keeps_body = true;
  int status = 0;
  std::string type, encoding, body;
  std::size_t pieces = 0;
  bool finished = false;
};

std::string unzip(const std::string& zipped) {
  z_stream zlib{};
  EXPECT_EQ(inflateInit2(&zlib, 15 + 16), Z_OK);
  std::string plain;
  std::vector<char> out(1 << 16);
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zipped.data()));
  zlib.avail_in = static_cast<uInt>(zipped.size());
  int result = Z_OK;
  while (result == Z_OK) {
    zlib.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib.avail_out = static_cast<uInt>(out.size());
    result = inflate(&zlib, Z_NO_FLUSH);
    plain.append(out.data(), out.size() - zlib.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END) << "the trailer is missing or wrong";
  inflateEnd(&zlib);
  return plain;
}

class ScrapeTest : public testing::Test {
 protected:
  explicit ScrapeTest(ExampleSize size = {.switches = {1, 2, 3, 4}, .ports = 4, .flows = 50})
      : tables_(std::move(size)) {
    pipeline::SwitchOptions switches;
    switches.by_id[3].name = "spine three";
    names_.emplace(switches);
  }

  void answer(const ScrapeRequest& request, FakeResponse& response) {
    if (!handler_) {
      handler_.emplace(
          flows_, most_series_, *names_,
          [this](SeriesWriter& out) {
            write_exposition({.tables = &tables_, .scrapes = handler_->counts()}, flows_, *names_,
                             exemplars_, out);
          },
          [this] { return now_ += tick_; });
    }
    handler_->answer(request, response);
  }
  std::map<std::string, test::Family> families(const std::string& query) {
    FakeResponse response;
    answer({.query = query}, response);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_TRUE(response.finished);
    return test::parse_exposition(response.body);
  }
  std::string refusal(const std::string& query) {
    FakeResponse response;
    answer({.query = query}, response);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_TRUE(response.finished);
    EXPECT_EQ(response.body.find('\n') + 1, response.body.size()) << "one line";
    return response.body;
  }
  std::uint64_t count(std::string_view result) {
    for (const auto& [label, value] : handler_->counts()) {
      if (label == result) return value;
    }
    ADD_FAILURE() << result;
    return 0;
  }

  ExampleTables tables_;
  FlowSeriesOptions flows_;
  std::uint64_t most_series_ = 1'000'000;
  const Exemplars* exemplars_ = nullptr;
  std::optional<Names> names_;
  ScrapeHandler::Clock::time_point now_{};
  milliseconds tick_{0};  ///< that the clock goes on each time it is read
  std::optional<ScrapeHandler> handler_;
};

TEST_F(ScrapeTest, FamiliesByNameOrHowTheyBegin) {
  const auto some = families("families=int_flow_reports_total,int_hop");
  EXPECT_EQ(some.size(), 2U);
  EXPECT_TRUE(some.contains("int_hop_latency_seconds"));
  EXPECT_EQ(some.at("int_flow_reports_total").samples.size(), 50U);
  EXPECT_EQ(families("families=int_flow_reports_total&families=process_open_fds").size(), 2U);
  EXPECT_GT(families("").size(), 30U);
}

TEST_F(ScrapeTest, TopKBelowTheConfiguredOne) {
  flows_.top_k = 20;
  const auto flows = [&](const std::string& query) {
    return families(query).at("int_flow_reports_total").samples;
  };
  EXPECT_EQ(flows("").size(), 20U);
  EXPECT_EQ(flows("topk=5").size(), 5U);
  EXPECT_EQ(flows("topk=40").size(), 20U) << "the configuration is the cap";
  const auto by_reports = flows("topk=3&sort=reports");
  const auto by_latency = flows("topk=3&sort=latency");
  EXPECT_NE(by_reports, by_latency);
}

TEST_F(ScrapeTest, WhatHasNoSeriesIsSummedUp) {
  const auto reports = [](const std::map<std::string, test::Family>& all) {
    double sum = 0;
    for (const auto& [series, value] : all.at("int_flow_reports_total").samples) sum += value;
    return sum;
  };
  const auto all = families("");
  EXPECT_EQ(all.at("int_flow_other_reports").samples.begin()->second, 0);
  const auto some = families("topk=7");
  EXPECT_GT(some.at("int_flow_other_reports").samples.begin()->second, 0);
  EXPECT_EQ(reports(some) + some.at("int_flow_other_reports").samples.begin()->second,
            reports(all));
  EXPECT_EQ(some.at("hopscope_series_suppressed")
                .samples.at("hopscope_series_suppressed{family=\"flow\"}"),
            43);
}

TEST_F(ScrapeTest, OneSwitchByNameOrId) {
  for (const char* query : {"switch=spine%20three", "switch=spine+three", "switch=3"}) {
    const auto one = families(query);
    EXPECT_EQ(one.at("int_egress_tx_utilization").samples.size(), 4U) << query;
    for (const auto& [series, value] : one.at("int_egress_tx_utilization").samples) {
      EXPECT_THAT(series, HasSubstr("switch=\"spine three\"")) << value;
    }
    EXPECT_EQ(one.at("int_hop_latency_seconds").samples.size(), 28U);
    for (const auto& [series, value] : one.at("int_flow_path_info").samples) {
      EXPECT_THAT(series, HasSubstr("spine three")) << value;
    }
    EXPECT_FALSE(one.contains("process_open_fds")) << "not of a switch";
  }
  EXPECT_EQ(families("switch=1,3").at("int_egress_tx_utilization").samples.size(), 8U);
}

TEST_F(ScrapeTest, ShardsHaveEachSeriesOnce) {
  const auto series_of = [&](const std::string& query) {
    std::multiset<std::string> all;
    for (const auto& [name, family] : families(query)) {
      // These two are sums over a shard's own flows.
      if (name.starts_with("int_flow_other")) continue;
      for (const auto& [series, value] : family.samples) all.insert(series);
    }
    return all;
  };
  const auto whole = series_of("");
  std::multiset<std::string> together;
  for (const char* shard : {"shard=0/3", "shard=1/3", "shard=2/3"}) {
    const auto part = series_of(shard);
    EXPECT_LT(part.size(), whole.size());
    EXPECT_GT(part.size(), 30U);
    together.insert(part.begin(), part.end());
  }
  EXPECT_EQ(together, whole);
}

TEST_F(ScrapeTest, WrongParametersGetOneClearLine) {
  EXPECT_THAT(refusal("top_k=5"), HasSubstr("no parameter \"top_k\"; there are families, topk"));
  EXPECT_THAT(refusal("topk=0"), HasSubstr("topk is \"0\""));
  EXPECT_THAT(refusal("topk=-1"), HasSubstr("topk"));
  EXPECT_THAT(refusal("topk=99999999999"), HasSubstr("topk"));
  EXPECT_THAT(refusal("sort=name"), HasSubstr("reports, latency or drops"));
  for (const char* shard : {"3/3", "1", "1/0", "a/b", "0/5000", "-1/2", ""}) {
    EXPECT_THAT(refusal(std::string("shard=") + shard), HasSubstr("i/n")) << shard;
  }
  EXPECT_THAT(refusal("switch=nowhere"), HasSubstr("switches.by_id"));
  EXPECT_THAT(refusal("families=no_such"), HasSubstr("families"));
  EXPECT_THAT(refusal("families="), HasSubstr("families"));
  EXPECT_THAT(refusal("families=%zz"), HasSubstr("%"));
  EXPECT_THAT(refusal("families=a%2"), HasSubstr("%"));
  EXPECT_THAT(refusal("sort=%0d%0aSet-Cookie:x"), HasSubstr("??Set-Cookie"));
  EXPECT_EQ(count("bad_request"), 18U);
}

TEST_F(ScrapeTest, NoTopKOfFlowsThatAreOff) {
  flows_.series = FlowSeries::kOff;
  EXPECT_THAT(refusal("topk=5"), HasSubstr("export.flows.series is off"));
  EXPECT_FALSE(families("").contains("int_flow_reports_total"));
}

TEST_F(ScrapeTest, AFamilyIsCutOffAtTheCapAndCounted) {
  most_series_ = 100;
  const auto all = families("");
  EXPECT_EQ(all.at("int_queue_occupancy").samples.size(), 100U);
  EXPECT_EQ(all.at("hopscope_series_suppressed")
                .samples.at("hopscope_series_suppressed{family=\"int_queue_occupancy\"}"),
            28);
}

TEST_F(ScrapeTest, ZippedItIsTheSame) {
  FakeResponse plain, zipped;
  const ScrapeRequest request{.query = "families=int_", .accept = "application/openmetrics-text"};
  answer(request, plain);
  ScrapeRequest gzip = request;
  gzip.accept_encoding = "gzip";
  answer(gzip, zipped);
  EXPECT_EQ(plain.encoding, "");
  EXPECT_EQ(zipped.encoding, "gzip");
  EXPECT_EQ(plain.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_LT(zipped.body.size(), plain.body.size() / 4);
  EXPECT_EQ(unzip(zipped.body), plain.body);
  EXPECT_TRUE(plain.body.ends_with("# EOF\n"));
  EXPECT_EQ(count("ok"), 2U);
}

TEST_F(ScrapeTest, TheScrapersTimeoutLessAMargin) {
  EXPECT_EQ(time_for("10"), milliseconds(9500));
  EXPECT_EQ(time_for("10.000000"), milliseconds(9500));
  EXPECT_EQ(time_for("0.4"), milliseconds(200));
  EXPECT_EQ(time_for("1e300"), milliseconds(3'599'500));
  for (const char* wrong : {"", "0", "-5", "soon", "nan"}) EXPECT_FALSE(time_for(wrong)) << wrong;
}

TEST_F(ScrapeTest, PastTheDeadlineNothingMoreComes) {
  tick_ = milliseconds(600);
  FakeResponse late;
  answer({.scrape_timeout = "1"}, late);
  EXPECT_EQ(late.status, 503) << "nothing was sent yet";
  EXPECT_EQ(count("deadline"), 1U);
  tick_ = milliseconds(1);
  FakeResponse in_time;
  answer({.scrape_timeout = "1"}, in_time);
  EXPECT_TRUE(in_time.finished);
  EXPECT_EQ(count("ok"), 1U);
  const auto counts = families("").at("hopscope_scrapes_total").samples;
  EXPECT_EQ(counts.at("hopscope_scrapes_total{result=\"deadline\"}"), 1);
}

class LargeScrapeTest : public ScrapeTest {
 protected:
  LargeScrapeTest() : ScrapeTest({.switches = {1, 2, 3, 4}, .ports = 4, .flows = 20'000}) {
    flows_.series = FlowSeries::kAll;
  }
};

TEST_F(LargeScrapeTest, AnAnswerThatIsLateIsNeverWhole) {
  for (const char* encoding : {"", "gzip"}) {
    tick_ = milliseconds(300);
    FakeResponse late;
    answer({.accept = "application/openmetrics-text",
            .accept_encoding = encoding,
            .scrape_timeout = "1.5"},
           late);
    EXPECT_EQ(late.status, 200);
    EXPECT_GT(late.body.size(), 0U);
    EXPECT_FALSE(late.finished) << "the last chunk would make it look whole";
  }
  EXPECT_EQ(count("deadline"), 2U);
}

TEST_F(LargeScrapeTest, WhoReadsUntilItsOwnDeadlineWasTooSlowAndIsNotGone) {
  FakeResponse slow;
  slow.most_pieces = 2;
  slow.gives_up = [this] { now_ += milliseconds(1500); };
  answer({.scrape_timeout = "1.5"}, slow);
  EXPECT_EQ(slow.time_for_it, milliseconds(1000));
  EXPECT_EQ(count("deadline"), 1U);
  FakeResponse gone;
  gone.most_pieces = 2;
  answer({.scrape_timeout = "1.5"}, gone);
  EXPECT_EQ(count("deadline"), 1U);
  EXPECT_EQ(count("gone"), 1U);
  FakeResponse patient;
  answer({}, patient);
  EXPECT_EQ(patient.time_for_it, milliseconds(0)) << "none was asked for";
}

TEST_F(LargeScrapeTest, AScraperThatGoesAway) {
  FakeResponse response;
  response.most_pieces = 2;
  answer({}, response);
  EXPECT_FALSE(response.finished);
  EXPECT_EQ(response.pieces, 3U) << "not asked again";
  EXPECT_EQ(count("gone"), 1U);
}

/// Peak of what one answer holds, in bytes. Not with the collector's own metrics, which read files.
std::size_t memory_for(std::uint64_t flows, std::uint32_t ports, const char* accept,
                       const char* encoding) {
  const ExampleTables tables({.switches = {1, 2, 3, 4}, .ports = ports, .flows = flows});
  const Names names{pipeline::SwitchOptions{}, {}};
  FlowSeriesOptions options;
  options.series = FlowSeries::kAll;
  options.max_series = 1'000'000;
  const Exemplars exemplars{pipeline::SwitchOptions{}};
  ScrapeHandler handler(options, 10'000'000, names, [&](SeriesWriter& out) {
    TableExposition(options, names, &exemplars).write(tables, out);
  });
  FakeResponse response;
  response.keeps_body = false;
  const std::size_t before = held;
  most_held = held;
  handler.answer({.accept = accept, .accept_encoding = encoding}, response);
  EXPECT_TRUE(response.finished);
  return most_held - before;
}

TEST(ScrapeMemory, DoesNotGrowWithTheAnswer) {
  constexpr std::size_t kBytesOfAFlow = 32;
  constexpr std::size_t kRest = 3 << 20;
  constexpr std::size_t kPorts = 3 << 20;  // at most, however many there are
  const char* protobuf =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  for (const char* accept : {"", "application/openmetrics-text", protobuf}) {
    for (const char* encoding : {"", "gzip"}) {
      const std::size_t few = memory_for(10'000, 32, accept, encoding);
      const std::size_t many = memory_for(100'000, 32, accept, encoding);
      EXPECT_LT(few, kRest) << accept;
      EXPECT_LE(many, few + 90'000 * kBytesOfAFlow + 4096) << accept << encoding;
      for (const std::uint32_t ports : {3'200U, 20'000U}) {
        EXPECT_LE(memory_for(10'000, ports, accept, encoding), few + kPorts)
            << ports << accept << encoding;
      }
    }
  }
}

TEST(Exemplars, TheNewestPerBucketFromEventsAndFlows) {
  pipeline::SwitchOptions switches;
  switches.by_id[1].latency_unit_s = 1e-6;
  Exemplars told(switches);
  pipeline::Event event;
  event.kind = pipeline::EventKind::kValueMoved;
  event.measurement = pipeline::Measurement::kHopLatency;
  event.has_flow = event.has_switch = true;
  event.flow = test::flow_key(7);
  event.switch_id = 1;
  event.new_value = 900;  // us
  event.receive_time_ns = 1000;
  told.take({&event, 1});
  const unsigned bucket = pipeline::latency_bucket(900'000);
  Exemplars::Found found;
  ASSERT_TRUE(told.find(1, bucket, found));
  EXPECT_EQ(found.flow, test::flow_key(7));
  EXPECT_EQ(found.latency_ns, 900'000U);
  EXPECT_FALSE(told.find(1, bucket + 1, found));
  EXPECT_FALSE(told.find(2, bucket, found));
  pipeline::FlowSnapshot flow = test::flow_over(9, {1});
  flow.hops[0].latency = 800;
  flow.last_seen_ns = 999;
  told.take(flow);
  ASSERT_TRUE(told.find(1, bucket, found));
  EXPECT_EQ(found.flow, test::flow_key(7)) << "the older one changes nothing";
  flow.last_seen_ns = 1001;
  told.take(flow);
  ASSERT_TRUE(told.find(1, bucket, found));
  EXPECT_EQ(found.flow, test::flow_key(9));
}

TEST(Exemplars, StandInOpenMetricsWithinTheirBucketAndTheLimitOfLabels) {
  test::FakeTables tables;
  test::fill(tables);
  pipeline::FlowSnapshot flow = test::flow_over(1, {1});
  for (auto* address : {&flow.key.source, &flow.key.destination}) {
    address->version = 6;
    address->bytes.fill(0xEE);
  }
  flow.key.source_port = flow.key.destination_port = 65535;
  flow.key.protocol = 58;
  flow.hops[0].latency = 1000;  // ns: the bucket to 1024
  flow.last_seen_ns = 1'700'000'000'000'000'000;
  tables.flows = {flow};
  const Exemplars none{pipeline::SwitchOptions{}};
  const Names names{pipeline::SwitchOptions{}, {}};
  for (const FlowSeries series : {FlowSeries::kTopK, FlowSeries::kOff}) {
    std::string text;
    TextEncoder encoder(TextFormat::kOpenMetrics, test::append_to(text));
    const ScrapeView everything;
    SeriesWriter out(encoder, everything, 1'000'000);
    FlowSeriesOptions options;
    options.series = series;
    TableExposition(options, names, &none).write(tables, out);
    out.finish();
    const std::size_t at = text.find(" # {");
    ASSERT_NE(at, std::string::npos);
    EXPECT_EQ(text.find(" # {", at + 1), std::string::npos) << "one flow, one bucket";
    const std::size_t line = text.rfind('\n', at) + 1;
    EXPECT_THAT(text.substr(line, at - line), HasSubstr("le=\"1.024e-06\""));
    const std::string exemplar = text.substr(at, text.find('\n', at) - at);
    EXPECT_THAT(exemplar, HasSubstr("} 1e-06 1700000000.000"));
    // Names and values without what stands around them.
    const std::string labels = exemplar.substr(4, exemplar.find('}') - 4);
    std::size_t characters = 0;
    for (const char c : labels) characters += c != '"' && c != '=' && c != ',' ? 1 : 0;
    EXPECT_LE(characters, 128U);
  }
}

}  // namespace
}  // namespace hopscope::exporter
