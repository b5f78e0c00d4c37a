// `hopscope generate --interface`: what arrives at the other end of a veth pair against what the
// summary promises, over many laps of the templates.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "app/generate/output.h"
#include "support/plain_reader.h"
#include "support/veth_namespace.h"

namespace hopscope::app {
namespace {

class GenerateLive : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::string why_not = test::enter_veth_namespace("hopgen0", "hopgen1");
    if (!why_not.empty()) GTEST_SKIP() << why_not;
  }

  static void expect_promised(TrafficFormat format, SenderChoice sender, std::uint64_t rate) {
    GenerateOptions options;
    options.traffic.format = format;
    options.traffic.flows = 200;
    options.traffic.loss = 0.03;
    options.traffic.drops = 0.02;
    options.traffic.path_changes = 0.02;
    options.traffic.congestion = 0.1;
    options.traffic.tcp = 0.5;
    options.traffic.rate = rate;
    options.sender = sender;
    options.interface = "hopgen0";
    options.templates = 1000;
    options.count = 20'500;  // the last lap is not a whole one
    check(options);

    const test::ArrivalSocket socket("hopgen1");
    test::PlainTally tally;
    std::atomic<bool> sending{true};
    std::thread receiver([&] {
      socket.drain(sending, [&](const std::vector<std::uint8_t>& frame) { tally.add(frame); });
    });
    const std::atomic<bool> stop{false};
    const auto json = generate(options, stop);
    sending = false;
    receiver.join();

    EXPECT_EQ(json["output"]["driver_refused"], 0) << json.dump();
    EXPECT_EQ(json["frames"], 20'500);
    EXPECT_EQ(tally.frames, 20'500U);
    EXPECT_EQ(tally.unread, 0U);
    EXPECT_EQ(tally.disorder, 0U);
    EXPECT_EQ(json["bytes"], tally.bytes);
    EXPECT_EQ(json["hops"], tally.hops);
    EXPECT_EQ(json["kinds"]["drop"], tally.drops);
    EXPECT_EQ(json["congested_reports"], tally.congested);
    EXPECT_EQ(json["sequences"]["keys"], tally.sequence.size());
    EXPECT_EQ(json["sequences"]["missing"], tally.missing);
    EXPECT_EQ(json["flows"]["used"], tally.flows.size());
    EXPECT_EQ(json["path_changes"], tally.path_changes);
    EXPECT_GT(tally.path_changes, 400U);
    EXPECT_GT(tally.missing, 400U);
  }
};

TEST_F(GenerateLive, Report05) {
  expect_promised(TrafficFormat::kReport05, SenderChoice::kLiveFrames, 100'000);
}

TEST_F(GenerateLive, Report10) {
  expect_promised(TrafficFormat::kReport10, SenderChoice::kLiveFrames, 100'000);
}

TEST_F(GenerateLive, Report20) {
  expect_promised(TrafficFormat::kReport20Md, SenderChoice::kLiveFrames, 100'000);
}

TEST_F(GenerateLive, PacketSocketBelowTheLowestRate) {
  expect_promised(TrafficFormat::kReport10, SenderChoice::kAuto, 40'000);
}

}  // namespace
}  // namespace hopscope::app
