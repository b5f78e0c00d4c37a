// AF_XDP on a veth pair in a namespace of the test's own: every frame comes once and whole, no
// frame of the UMEM is lost, and what goes wrong with the interface is told.

#include "io/af_xdp/af_xdp_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/setup_error.h"
#include "support/af_xdp_fixture.h"
#include "support/raw_sender.h"
#include "support/report_frame.h"

namespace hopscope::io {
namespace {

using test::AfXdp;
using test::kHere;
using test::kPorts;
using test::kThere;
using test::small_options;
using testing::HasSubstr;

TEST_F(AfXdp, Frame_sent_arrives_once_and_whole) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  const test::RawSender sender(kThere);
  constexpr std::uint32_t kFrames = 5000;  // some twenty times the UMEM
  std::set<std::uint32_t> numbers;
  for (std::uint32_t sent = 0; sent < kFrames; sent += 50) {
    for (std::uint32_t i = 0; i < 50; ++i) sender.send(test::report_frame(sent + i));
    take(source, 50, [&](const FrameBatch& batch) {
      EXPECT_NE(batch.receive_time_ns, 0);
      for (std::size_t i = 0; i < batch.count; ++i) {
        const std::span<const std::uint8_t> frame(batch.data[i], batch.length[i]);
        const std::uint32_t number = test::number_of(frame);
        EXPECT_TRUE(std::ranges::equal(frame, test::report_frame(number)));
        EXPECT_TRUE(numbers.insert(number).second) << number << " came twice";
      }
      expect_conserved(source);
      source.release(batch.handle.data(), batch.count);
    });
    expect_conserved(source);
  }
  EXPECT_EQ(numbers.size(), kFrames);
  EXPECT_EQ(source.statistics().frames, kFrames);
}

TEST_F(AfXdp, Frame_held_stays_valid_and_is_released_in_any_order) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  const test::RawSender sender(kThere);
  std::vector<FrameHandle> held;
  std::vector<const std::uint8_t*> data;
  constexpr std::uint32_t kHeld = 100;
  for (std::uint32_t i = 0; i < kHeld; ++i) sender.send(test::report_frame(i));
  take(source, kHeld, [&](const FrameBatch& batch) {
    held.insert(held.end(), batch.handle.begin(),
                batch.handle.begin() + static_cast<long>(batch.count));
    data.insert(data.end(), batch.data.begin(),
                batch.data.begin() + static_cast<long>(batch.count));
  });
  ASSERT_EQ(held.size(), kHeld);
  EXPECT_EQ(source.statistics().frames_held, kHeld);
  // Others pass by; what is held must not be written to.
  for (std::uint32_t i = 1000; i < 1400; i += 50) {
    for (std::uint32_t k = 0; k < 50; ++k) sender.send(test::report_frame(i + k));
    take(source, 50,
         [&](const FrameBatch& batch) { source.release(batch.handle.data(), batch.count); });
  }
  for (std::uint32_t i = 0; i < kHeld; ++i) {
    EXPECT_EQ(test::number_of({data[i], 54}), i);
  }
  std::ranges::reverse(held);
  source.release(held.data(), held.size());
  EXPECT_EQ(source.statistics().frames_held, 0U);
  expect_conserved(source);
}

TEST_F(AfXdp, Frame_too_long_is_counted_by_the_kernel) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  const test::RawSender sender(kThere);
  constexpr std::uint32_t kFrames = 1000;  // nobody reads meanwhile
  for (std::uint32_t i = 0; i < kFrames; ++i) sender.send(test::report_frame(i));
  const std::size_t received = take(source, kFrames, [&](const FrameBatch& batch) {
    source.release(batch.handle.data(), batch.count);
  });
  const SourceStatistics now = source.statistics();
  EXPECT_LT(received, kFrames);
  EXPECT_EQ(received + now.xsk_rx_dropped + now.xsk_rx_ring_full, kFrames);
  expect_conserved(source);
}

TEST_F(AfXdp, Traffic_other_than_reports_is_passed_and_verdicts_add_up) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  const test::RawSender sender(kThere);
  for (std::uint32_t i = 0; i < 30; ++i) {
    sender.send(test::report_frame(i));
    sender.send(test::report_frame(i, {.destination_port = 53}));
  }
  std::size_t received = take(interface.source(0), 30, [&](const FrameBatch& batch) {
    interface.source(0).release(batch.handle.data(), batch.count);
  });
  EXPECT_EQ(received, 30U);
  std::uint64_t redirected = 0;
  std::uint64_t other = 0;
  for (const XdpVerdict& verdict : interface.verdicts()) {
    if (verdict.name == "redirected") redirected = verdict.frames;
    if (verdict.name == "other_port") other = verdict.frames;
  }
  EXPECT_EQ(redirected, 30U);
  EXPECT_EQ(other, 30U);
}

TEST_F(AfXdp, Description_of_open_source_says_what_was_reached) {
  AfXdpOptions options = small_options();
  options.mode = XdpMode::kGeneric;
  const AfXdpInterface generic(options, {0}, Redirect(kPorts));
  const SourceDescription is = const_cast<AfXdpInterface&>(generic).source(0).description();
  EXPECT_EQ(is.kind, "af_xdp");
  EXPECT_EQ(is.interface, kHere);
  EXPECT_EQ(is.mode, "generic");
  EXPECT_FALSE(is.zero_copy);
}

TEST_F(AfXdp, Setup_refused_says_what_to_do) {
  const auto refusal = [](const AfXdpOptions& options, const std::vector<unsigned>& queues) {
    try {
      const AfXdpInterface interface(options, queues, Redirect(kPorts));
    } catch (const SetupError& error) {
      return std::string(error.what());
    }
    return std::string("nothing was refused");
  };
  AfXdpOptions none = small_options();
  none.interface = "hsnone9";
  EXPECT_THAT(refusal(none, {0}), HasSubstr("hsnone9"));
  EXPECT_THAT(refusal(small_options(), {7}), HasSubstr("7")) << "no such queue";
  AfXdpOptions zero_copy = small_options();
  zero_copy.zero_copy = ZeroCopy::kRequire;
  EXPECT_THAT(refusal(zero_copy, {0}), HasSubstr("zero_copy"));
  const AfXdpInterface first(small_options(), {0}, Redirect(kPorts));
  EXPECT_THAT(refusal(small_options(), {0}), HasSubstr("XDP program"));
}

TEST_F(AfXdp, Interface_closed_leaves_no_program_attached) {
  for (int i = 0; i < 5; ++i) {
    const AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  }
}

TEST_F(AfXdp, Link_down_and_interface_removed_are_reported_once) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  EXPECT_TRUE(interface.check().empty());
  ASSERT_EQ(std::system("ip link set hsrx1 down"), 0);
  EXPECT_THAT(interface.check(), testing::ElementsAre(HasSubstr("down")));
  EXPECT_TRUE(interface.check().empty()) << "told once";
  ASSERT_EQ(std::system("ip link set hsrx1 up"), 0);
  EXPECT_THAT(interface.check(), testing::ElementsAre(HasSubstr("up")));
  EXPECT_FALSE(interface.source(0).exhausted());
  ASSERT_EQ(std::system("ip link del hsrx0"), 0);
  EXPECT_THAT(interface.check(), testing::ElementsAre(HasSubstr("gone")));
  EXPECT_TRUE(interface.source(0).exhausted());
  FrameBatch batch;
  EXPECT_EQ(interface.source(0).receive(batch), 0U);
  ASSERT_EQ(test::enter_veth_namespace(test::kHere, test::kThere), "")
      << "for the tests after this";
}

}  // namespace
}  // namespace hopscope::io
