#include "export/sinks/influx/line_encoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "export/sinks/influx/influx_sink.h"
#include "support/fake_tables.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::EventKind;
using pipeline::Measurement;

constexpr std::int64_t kReceived = 1'700'000'000'000'000'007;

std::string line(const auto& write) {
  std::string text;
  LineWriter writer(text);
  write(writer);
  return text;
}

TEST(LineWriter, EscapesWhatTheProtocolUses) {
  EXPECT_EQ(line([](LineWriter& writer) {
              writer.measurement("a b,c=d");
              writer.tag("t,a g=", "v,a l=u\\x");
              writer.tag("end", "back\\");
              writer.tag("none", "");
              writer.field("f =", "say \"\\\n");
              writer.field("whole", std::uint64_t{7});
              writer.field("real", 0.5);
              EXPECT_TRUE(writer.end(9));
            }),
            "a\\ b\\,c=d,t\\,a\\ g\\==v\\,a\\ l\\=u/x,end=back/ f\\ \\==\"say \\\"\\\\ \","
            "whole=7i,real=0.5 9\n");
}

TEST(LineWriter, ALineWithoutFieldsIsNone) {
  EXPECT_EQ(line([](LineWriter& writer) {
              writer.measurement("m");
              writer.field("nan", std::nan(""));
              EXPECT_FALSE(writer.end(9));
            }),
            "");
}

TEST(LineWriter, NumbersBeyondTheProtocolAreItsMost) {
  EXPECT_EQ(line([](LineWriter& writer) {
              writer.measurement("m");
              writer.field("f", ~std::uint64_t{0});
              writer.end(1);
            }),
            "m f=9223372036854775807i 1\n");
}

pipeline::SwitchOptions switches() {
  pipeline::SwitchOptions options;
  options.by_id[2].name = "spine 2";
  options.by_id[2].latency_unit_s = 1e-6;
  options.by_id[3].time_unit_s = 1e-6;
  return options;
}

Event moved() {
  Event event;
  event.kind = EventKind::kValueMoved;
  event.measurement = Measurement::kHopLatency;
  event.has_flow = event.has_switch = event.has_old = true;
  event.flow = test::flow_key(1);
  event.switch_id = 2;
  event.old_value = 100;
  event.new_value = 250;
  event.receive_time_ns = kReceived;
  return event;
}

class LineEncoderTest : public testing::Test {
 protected:
  std::string encode(const Item& item, const LineOptions& options = {}) {
    LineEncoder encoder(options, names_);
    std::string text;
    encoder.encode(item, kReceived, text);
    return text;
  }

  const Names names_{switches()};
};

TEST_F(LineEncoderTest, AnEventHasBoundedTagsAndTheFlowInFields) {
  const Event event = moved();
  EXPECT_EQ(encode(&event),
            "int_event,kind=value_moved,switch=spine\\ 2,what=hop_latency count=1i,"
            "old=1e-04,new=0.00025,src=\"10.0.0.1\",dst=\"10.0.1.1\",sport=4001i,dport=80i,"
            "proto=\"udp\" 1700000000000000007\n");
}

TEST_F(LineEncoderTest, TextMayBeLeftOut) {
  Event event = moved();
  event.old_path.count = event.new_path.count = 1;
  EXPECT_EQ(encode(&event, {.text_fields = false}),
            "int_event,kind=value_moved,switch=spine\\ 2,what=hop_latency count=1i,"
            "old=1e-04,new=0.00025 1700000000000000007\n");
  event.measurement = Measurement::kFlowLatency;
  EXPECT_EQ(encode(&event, {.text_fields = false}).find('"'), std::string::npos);
}

TEST_F(LineEncoderTest, FlowsAreTagsForThoseWhoWantIt) {
  const Event event = moved();
  EXPECT_EQ(
      encode(&event, {.flow_tags = true}),
      "int_event,dport=80,dst=10.0.1.1,kind=value_moved,proto=udp,"
      "sport=4001,src=10.0.0.1,switch=spine\\ 2,what=hop_latency count=1i,old=1e-04,new=0.00025 "
      "1700000000000000007\n");
}

TEST_F(LineEncoderTest, TheSwitchesTimeCountsWhereItIsNear) {
  Event event = moved();
  event.has_switch_time = true;
  event.time_switch_id = 2;
  event.switch_time = static_cast<std::uint64_t>(kReceived) - 1'000;
  EXPECT_TRUE(
      encode(&event).ends_with(",receive_time_ns=1700000000000000007i 1699999999999999007\n"))
      << encode(&event);
  // 32 bits of nanoseconds, or the time since the switch came up.
  event.switch_time = 0xFFFF'FFF0;
  EXPECT_TRUE(encode(&event).ends_with("\"udp\" 1700000000000000007\n")) << encode(&event);
  // In microseconds.
  event.time_switch_id = 3;
  event.switch_time = 1'700'000'000'000'001;
  EXPECT_TRUE(encode(&event).ends_with(" 1700000000000001000\n")) << encode(&event);
  EXPECT_TRUE(encode(&event, {.switch_time_window_ns = 10}).ends_with(" 1700000000000000007\n"));
}

TEST_F(LineEncoderTest, PointsOfASeriesHaveTimesOfTheirOwn) {
  LineEncoder encoder({.precision_ns = 1'000'000}, names_);
  const Event event = moved();
  std::string text;
  for (int i = 0; i < 3; ++i) encoder.encode(&event, kReceived, text);
  for (const char* time : {" 1700000000000\n", " 1700000000001\n", " 1700000000002\n"}) {
    EXPECT_NE(text.find(time), std::string::npos) << text;
  }
}

TEST_F(LineEncoderTest, APathThatChanged) {
  Event event;
  event.kind = EventKind::kPathChange;
  event.measurement = Measurement::kFlow;
  event.old_path = {.count = 2, .switch_id = {1, 3}};
  event.new_path = {.count = 3, .switch_id = {1, 2, 3}};
  event.receive_time_ns = 5;
  EXPECT_EQ(encode(&event),
            "int_event,kind=path_change,what=flow count=1i,old_path=\"1-3\","
            "path=\"1-spine 2-3\" 5\n");
}

TEST_F(LineEncoderTest, ADropHasItsReason) {
  Event event;
  event.kind = EventKind::kDrop;
  event.measurement = Measurement::kDropReason;
  event.has_switch = event.has_port = event.has_queue = true;
  event.switch_id = 9;
  event.port = 4;
  event.queue = 1;
  event.new_value = 29;
  event.receive_time_ns = 5;
  EXPECT_EQ(encode(&event),
            "int_event,kind=drop,port=4,queue=1,reason=ip_route_miss,switch=9,"
            "what=drop_reason count=1i 5\n");
}

TEST_F(LineEncoderTest, RowsAreStampedWithNow) {
  pipeline::PortSnapshot port;
  port.key = {.switch_id = 2, .port = 5};
  port.has_tx_utilization = true;
  port.tx_utilization = 40;
  port.queues.push_back({.queue = 3,
                         .has_occupancy = true,
                         .has_congestion = false,
                         .occupancy = 100,
                         .congestion = 0});
  EXPECT_EQ(encode(&port),
            "int_port,port=5,switch=spine\\ 2 tx_utilization=40 1700000000000000007\n"
            "int_queue,port=5,queue=3,switch=spine\\ 2 occupancy=100 1700000000000000007\n");
}

TEST(WriteUrl, HasTheParametersOfItsVersion) {
  InfluxOptions options;
  options.http.url = "http://127.0.0.1:8086/";
  options.database = "in t";
  EXPECT_EQ(write_url(options), "http://127.0.0.1:8086/write?db=in%20t&precision=n");
  options.version = InfluxVersion::kV2;
  options.organization = "a&b";
  options.bucket = "int";
  options.precision = TimePrecision::kUs;
  EXPECT_EQ(write_url(options),
            "http://127.0.0.1:8086/api/v2/write?org=a%26b&bucket=int&precision=us");
}

}  // namespace
}  // namespace hopscope::exporter
