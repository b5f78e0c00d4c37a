// Frames through a real veth pair in a network namespace of their own: every one arrives, and every
// one is what the portable rendering of its template says.

#include "app/generate/send/live_frame_sender.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "app/generate/send/link_query.h"
#include "app/generate/send/packet_socket_sender.h"
#include "base/setup_error.h"
#include "support/veth_namespace.h"

namespace hopscope::io {
namespace {

constexpr const char* kHere = "hopgen0";
constexpr const char* kThere = "hopgen1";

class Senders : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::string why_not = test::enter_veth_namespace(kHere, kThere);
    if (!why_not.empty()) GTEST_SKIP() << why_not;
  }

  static constexpr std::size_t kTemplates = 50;

  /// Of different lengths; bytes 20 to 23 are the number, 24 to 31 a time, 12 and 13 an EtherType
  /// that no stack answers to.
  static std::vector<FrameTemplate> templates(bool with_time) {
    std::vector<FrameTemplate> frames(kTemplates);
    for (std::size_t i = 0; i < kTemplates; ++i) {
      frames[i].bytes.assign(64 + 13 * i, static_cast<std::uint8_t>(i));
      frames[i].bytes[0] = 0x02;
      frames[i].bytes[6] = 0x02;
      frames[i].bytes[12] = 0x88;
      frames[i].bytes[13] = 0xB5;
      frames[i].sequence_at = 20;
      frames[i].sequence_bits = 32;
      frames[i].sequence = static_cast<std::uint32_t>(i);
      frames[i].sequence_step = kTemplates;
      frames[i].checksum_at = 40;
      if (with_time) frames[i].times = {{.at = 24, .wide = true}, {.at = 32, .wide = false}};
    }
    return frames;
  }

  struct Outcome {
    SendResult result;
    std::vector<std::vector<std::uint8_t>> arrived;
  };

  static Outcome send(FrameSender& sender) {
    Outcome outcome;
    const test::ArrivalSocket socket(kThere);
    std::atomic<bool> sending{true};
    std::thread receiver([&] {
      socket.drain(sending, [&](std::vector<std::uint8_t> frame) {
        outcome.arrived.push_back(std::move(frame));
      });
    });
    const std::atomic<bool> stop{false};
    outcome.result = sender.send(stop);
    sending = false;
    receiver.join();
    return outcome;
  }

  static void expect_all(const Outcome& outcome, const std::vector<FrameTemplate>& frames,
                         std::uint64_t count) {
    EXPECT_EQ(outcome.result.sent, count);
    EXPECT_EQ(outcome.result.taken, count);
    EXPECT_EQ(outcome.result.refused, 0U);
    ASSERT_EQ(outcome.arrived.size(), count);
    std::vector<std::uint8_t> expected;
    for (std::size_t i = 0; i < count; ++i) {
      const FrameTemplate& frame = frames[i % frames.size()];
      expected.resize(frame.bytes.size());
      render(frame, static_cast<std::uint32_t>(i / frames.size()), 0, false, expected);
      ASSERT_EQ(outcome.arrived[i], expected) << i;
    }
  }
};

TEST_F(Senders, LiveFramesAllArriveAsRendered) {
  const auto frames = templates(false);
  const SendOptions options{.interface = kHere, .count = 100'000, .rate = 200'000};
  ASSERT_EQ(LiveFrameSender::why_not(options), "");
  LiveFrameSender sender(frames, options);
  expect_all(send(sender), frames, options.count);
}

TEST_F(Senders, PacketSocketFramesAllArriveAsRendered) {
  const auto frames = templates(false);
  const SendOptions options{.interface = kHere, .count = 20'000, .rate = 40'000};
  PacketSocketSender sender(frames, options);
  expect_all(send(sender), frames, options.count);
}

std::uint64_t load64(const std::vector<std::uint8_t>& frame, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | frame[at + i];
  return value;
}

TEST_F(Senders, LiveFramesMoveTimesOnAndKeepTheChecksum) {
  const auto frames = templates(true);
  LiveFrameSender sender(frames, {.interface = kHere, .count = 50'000, .rate = 100'000});
  const Outcome outcome = send(sender);
  ASSERT_EQ(outcome.arrived.size(), 50'000U);
  std::int64_t last = 0;
  std::vector<std::uint8_t> expected;
  for (std::size_t i = 0; i < outcome.arrived.size(); ++i) {
    const auto& frame = outcome.arrived[i];
    const FrameTemplate& origin = frames[i % frames.size()];
    const auto elapsed = static_cast<std::int64_t>(load64(frame, 24) - load64(origin.bytes, 24));
    ASSERT_GE(elapsed, last);
    last = elapsed;
    expected.resize(origin.bytes.size());
    render(origin, static_cast<std::uint32_t>(i / frames.size()), elapsed, true, expected);
    ASSERT_EQ(frame, expected) << i;
  }
  EXPECT_GT(last, 0);
}

TEST_F(Senders, AFloodIsAccountedFor) {
  const auto frames = templates(false);
  LiveFrameSender sender(frames, {.interface = kHere, .count = 300'000, .move_times = false});
  const std::atomic<bool> stop{false};
  const LinkCounters before = query_link(kThere).counters;
  const SendResult result = sender.send(stop);
  const LinkCounters after = query_link(kThere).counters;
  EXPECT_EQ(result.sent, 300'000U);
  ASSERT_TRUE(result.knows_taken);
  EXPECT_EQ(result.sent, result.taken + result.refused);
  EXPECT_EQ(result.taken, after.rx_packets - before.rx_packets);
  EXPECT_EQ(result.refused, result.interface_tx_dropped);
}

TEST_F(Senders, DurationAndStopEndTheSending) {
  const auto frames = templates(false);
  const std::atomic<bool> stop{false};
  LiveFrameSender timed(frames, {.interface = kHere, .duration_ns = 50'000'000, .rate = 100'000});
  const SendResult result = timed.send(stop);
  EXPECT_GT(result.sent, 0U);
  EXPECT_LE(result.sent, 5'100U);
  EXPECT_GE(result.seconds, 0.05);

  const std::atomic<bool> stopped{true};
  LiveFrameSender live(frames, {.interface = kHere, .count = 10});
  EXPECT_EQ(live.send(stopped).sent, 0U);
  PacketSocketSender packet(frames, {.interface = kHere, .count = 10});
  EXPECT_EQ(packet.send(stopped).sent, 0U);
}

TEST_F(Senders, WhyNotNamesTheCause) {
  EXPECT_NE(LiveFrameSender::why_not({.interface = kHere, .rate = 10}), "");
  ASSERT_EQ(std::system((std::string("ethtool -K ") + kThere + " gro off").c_str()), 0);
  const std::string reason = LiveFrameSender::why_not({.interface = kHere});
  ASSERT_EQ(std::system((std::string("ethtool -K ") + kThere + " gro on").c_str()), 0);
  // Kernels before 6.3 do not say.
  if (takes_redirected_frames(query_link(kHere).index).has_value()) {
    EXPECT_NE(reason.find("gro on"), std::string::npos);
  }
}

TEST_F(Senders, RefuseWhatTheyCannotSend) {
  std::vector<FrameTemplate> frames = templates(false);
  EXPECT_THROW(LiveFrameSender({}, {.interface = kHere}), SetupError);
  EXPECT_THROW(LiveFrameSender(frames, {.interface = "nosuchlink0"}), SetupError);
  EXPECT_THROW(PacketSocketSender(frames, {.interface = "nosuchlink0"}), SetupError);
  frames[3].bytes.resize(kMaxTemplateBytes + 1);
  EXPECT_THROW(LiveFrameSender(frames, {.interface = kHere}), SetupError);
  EXPECT_THROW(PacketSocketSender(frames, {.interface = kHere}), SetupError);
}

}  // namespace
}  // namespace hopscope::io
