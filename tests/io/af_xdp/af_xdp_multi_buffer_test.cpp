// Frames larger than a buffer of the UMEM: they come whole beside small ones, and those that cannot
// be taken are counted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <span>

#include "io/af_xdp/af_xdp_source.h"
#include "support/af_xdp_fixture.h"
#include "support/raw_sender.h"
#include "support/report_frame.h"

namespace hopscope::io {
namespace {

using test::kHere;
using test::kPorts;
using test::kThere;
using test::small_options;
using testing::HasSubstr;

void set_mtu(unsigned bytes) {
  for (const char* end : {kHere, kThere}) {
    const std::string command = std::string("ip link set ") + end + " mtu " + std::to_string(bytes);
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
}

class MultiBufferFrames : public test::AfXdp {
 protected:
  void TearDown() override {
    if (!IsSkipped()) set_mtu(1500);
  }
};

/// A report frame of `length` bytes; what is behind the report differs from frame to frame.
std::vector<std::uint8_t> frame_of(std::uint32_t number, std::size_t length) {
  std::vector<std::uint8_t> frame = test::report_frame(number);
  for (std::size_t i = frame.size(); i < length; ++i) {
    frame.push_back(static_cast<std::uint8_t>(i * 7 + number));
  }
  frame.resize(length);
  return frame;
}

TEST_F(MultiBufferFrames, Frame_of_several_buffers_arrives_whole_beside_small_ones) {
  set_mtu(9000);
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  if (!source.description().multi_buffer) GTEST_SKIP() << source.description().reason;
  EXPECT_EQ(source.description().mode, "native") << source.description().reason;
  // One buffer has room for 2048 - 256 bytes.
  const std::vector<std::size_t> lengths{100, 1792, 1793, 200, 3584, 3585, 9014, 300};
  const test::RawSender sender(kThere);
  constexpr std::uint32_t kFrames = 800;
  std::uint32_t next = 0;
  for (std::uint32_t sent = 0; sent < kFrames; sent += 8) {
    for (std::uint32_t i = 0; i < 8; ++i) sender.send(frame_of(sent + i, lengths[i]));
    take(source, 8, [&](const FrameBatch& batch) {
      for (std::size_t i = 0; i < batch.count; ++i, ++next) {
        EXPECT_TRUE(std::ranges::equal(std::span(batch.data[i], batch.length[i]),
                                       frame_of(next, lengths[next % 8])))
            << "frame " << next;
      }
      expect_conserved(source);
      source.release(batch.handle.data(), batch.count);
    });
    expect_conserved(source);
  }
  EXPECT_EQ(next, kFrames);
  const SourceStatistics now = source.statistics();
  EXPECT_EQ(now.frames, kFrames);
  EXPECT_EQ(now.multi_buffer_frames, kFrames / 2);
  EXPECT_EQ(now.frames_held, 0U);
  EXPECT_EQ(now.lost + now.xsk_rx_dropped + now.xsk_rx_ring_full, 0U);
}

TEST_F(MultiBufferFrames, Frame_without_free_slot_is_counted_and_held_ones_stay_valid) {
  set_mtu(9000);
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  if (!source.description().multi_buffer) GTEST_SKIP() << source.description().reason;
  const test::RawSender sender(kThere);
  constexpr std::uint32_t kFrames = 1000;
  std::map<FrameHandle, std::span<const std::uint8_t>> held;
  const auto keep = [&](const FrameBatch& batch) {
    for (std::size_t i = 0; i < batch.count; ++i) {
      EXPECT_TRUE(held.emplace(batch.handle[i], std::span(batch.data[i], batch.length[i])).second);
    }
  };
  for (std::uint32_t sent = 0; sent < kFrames; sent += 50) {
    for (std::uint32_t i = 0; i < 50; ++i) sender.send(frame_of(sent + i, 3000));
    for (int idle = 0; held.size() + source.statistics().lost < sent + 50 && idle < 200;) {
      FrameBatch batch;
      if (source.receive(batch) != 0) {
        keep(batch);
      } else {
        ++idle;
        source.wait(5);
      }
    }
    expect_conserved(source);
  }
  const SourceStatistics now = source.statistics();
  EXPECT_EQ(held.size() + now.multi_buffer_no_place, kFrames);
  EXPECT_EQ(now.lost, now.multi_buffer_no_place);
  EXPECT_GT(now.multi_buffer_no_place, 0U);
  EXPECT_EQ(held.size(), source.capacity() - source.statistics().frames_total);
  for (const auto& [handle, bytes] : held) {
    EXPECT_TRUE(std::ranges::equal(bytes, frame_of(test::number_of(bytes), 3000)));
    source.release(&handle, 1);
  }
  sender.send(frame_of(1, 3000));
  EXPECT_EQ(take(source, 1, [](const FrameBatch&) {}), 1U) << "the slots are free again";
}

TEST_F(MultiBufferFrames, Frame_too_long_is_counted) {
  set_mtu(60000);
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  if (!source.description().multi_buffer) GTEST_SKIP() << source.description().reason;
  const test::RawSender sender(kThere);
  std::vector<std::uint32_t> numbers;
  for (const std::size_t length : {std::size_t{16384}, std::size_t{16385}, std::size_t{40000}}) {
    sender.send(frame_of(static_cast<std::uint32_t>(length), length));
    sender.send(frame_of(1, 100));
  }
  take(source, 4, [&](const FrameBatch& batch) {
    for (std::size_t i = 0; i < batch.count; ++i) numbers.push_back(batch.length[i]);
    source.release(batch.handle.data(), batch.count);
  });
  EXPECT_THAT(numbers, testing::ElementsAre(16384, 100, 100, 100));
  EXPECT_EQ(source.statistics().multi_buffer_too_long, 2U);
  EXPECT_EQ(source.statistics().lost, 2U);
  expect_conserved(source);
}

TEST_F(MultiBufferFrames, Frame_through_generic_xdp_arrives_whole) {
  set_mtu(9000);
  AfXdpOptions options = small_options();
  options.mode = XdpMode::kGeneric;
  AfXdpInterface interface(options, {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  if (!source.description().multi_buffer) GTEST_SKIP() << source.description().reason;
  const test::RawSender sender(kThere);
  sender.send(frame_of(5, 8000));
  const std::size_t taken = take(source, 1, [&](const FrameBatch& batch) {
    EXPECT_TRUE(std::ranges::equal(std::span(batch.data[0], batch.length[0]), frame_of(5, 8000)));
  });
  const SourceStatistics now = source.statistics();
  EXPECT_EQ(taken + now.xsk_rx_dropped, 1U);
}

TEST_F(MultiBufferFrames, Mtu_of_one_buffer_requests_no_multi_buffer) {
  AfXdpInterface interface(small_options(), {0}, Redirect(kPorts));
  EXPECT_FALSE(interface.source(0).description().multi_buffer);
  EXPECT_EQ(interface.source(0).capacity(), small_options().frames);
}

TEST_F(MultiBufferFrames, Frame_with_multi_buffer_off_is_lost_and_counted) {
  set_mtu(9000);
  AfXdpOptions options = small_options();
  options.multi_buffer = MultiBuffer::kOff;
  AfXdpInterface interface(options, {0}, Redirect(kPorts));
  AfXdpSource& source = interface.source(0);
  EXPECT_FALSE(source.description().multi_buffer);
  EXPECT_THAT(source.description().reason, HasSubstr("MTU"));
  const test::RawSender sender(kThere);
  for (std::uint32_t i = 0; i < 10; ++i) {
    sender.send(frame_of(i, 3000));
    sender.send(frame_of(i, 300));
  }
  const std::size_t taken = take(source, 10, [&](const FrameBatch& batch) {
    for (std::size_t i = 0; i < batch.count; ++i) EXPECT_EQ(batch.length[i], 300U);
    source.release(batch.handle.data(), batch.count);
  });
  EXPECT_EQ(taken, 10U);
  EXPECT_EQ(source.statistics().xsk_rx_dropped, 10U);
}

}  // namespace
}  // namespace hopscope::io
