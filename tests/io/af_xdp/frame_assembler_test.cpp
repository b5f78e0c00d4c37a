// Frames of several buffers are assembled and released in any order; dropped ones are counted.

#include "io/af_xdp/frame_assembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <span>
#include <vector>

namespace hopscope::io {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes pattern(std::size_t length, std::uint8_t first) {
  Bytes bytes(length);
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

/// The frame in buffers of `room` bytes.
FrameAssembler::Frame assemble(FrameAssembler& assembler, const Bytes& frame, std::size_t room) {
  for (std::size_t at = 0; at < frame.size(); at += room) {
    const std::size_t length = std::min(room, frame.size() - at);
    assembler.add(frame.data() + at, static_cast<std::uint32_t>(length));
    EXPECT_TRUE(assembler.under_way());
  }
  const FrameAssembler::Frame result = assembler.finish();
  EXPECT_FALSE(assembler.under_way());
  return result;
}

bool holds(const FrameAssembler::Frame& frame, const Bytes& bytes) {
  return frame.data != nullptr && std::ranges::equal(std::span(frame.data, frame.length), bytes);
}

TEST(FrameAssembler, Frame_up_to_the_longest_has_the_bytes_of_its_buffers) {
  FrameAssembler assembler(1);
  for (const std::size_t length : {std::size_t{2}, std::size_t{1793}, kMaxAssembledBytes}) {
    for (const std::size_t room : {std::size_t{1}, std::size_t{1792}, kMaxAssembledBytes}) {
      const Bytes bytes = pattern(length, static_cast<std::uint8_t>(room));
      const FrameAssembler::Frame frame = assemble(assembler, bytes, room);
      EXPECT_TRUE(holds(frame, bytes)) << length << " in buffers of " << room;
      EXPECT_TRUE(FrameAssembler::is_assembled(frame.handle));
      assembler.release(frame.handle);
    }
  }
  EXPECT_EQ(assembler.frames(), 9U);
  EXPECT_EQ(assembler.held(), 0U);
}

TEST(FrameAssembler, Frame_too_long_is_counted_and_frees_its_slot) {
  FrameAssembler assembler(1);
  EXPECT_EQ(assemble(assembler, pattern(kMaxAssembledBytes + 1, 0), 1792).data, nullptr);
  EXPECT_EQ(assemble(assembler, pattern(5 * kMaxAssembledBytes, 0), 4096).data, nullptr);
  EXPECT_EQ(assembler.too_long(), 2U);
  EXPECT_EQ(assembler.frames(), 0U);
  const Bytes next = pattern(5000, 7);
  EXPECT_TRUE(holds(assemble(assembler, next, 1792), next)) << "the slot is free again";
}

TEST(FrameAssembler, Frame_without_free_slot_is_counted_and_held_ones_keep_their_bytes) {
  constexpr std::size_t kSlots = 5;
  FrameAssembler assembler(kSlots);
  std::vector<FrameAssembler::Frame> frames;
  std::set<FrameHandle> handles;
  for (std::uint8_t i = 0; i < kSlots; ++i) {
    frames.push_back(assemble(assembler, pattern(4000, i), 1792));
    handles.insert(frames.back().handle);
  }
  EXPECT_EQ(handles.size(), kSlots);
  EXPECT_EQ(assemble(assembler, pattern(4000, 99), 1792).data, nullptr);
  EXPECT_EQ(assembler.no_slot(), 1U);
  EXPECT_EQ(assembler.held(), kSlots);
  for (std::uint8_t i = 0; i < kSlots; ++i) EXPECT_TRUE(holds(frames[i], pattern(4000, i)));
  assembler.release(frames[2].handle);
  const Bytes next = pattern(3000, 50);
  EXPECT_TRUE(holds(assemble(assembler, next, 1792), next));
  EXPECT_TRUE(holds(frames[1], pattern(4000, 1)));
  EXPECT_TRUE(holds(frames[3], pattern(4000, 3)));
}

#if defined(HOPSCOPE_ASSERTIONS)
TEST(FrameAssemblerDeathTest, Slot_released_twice_is_caught) {
  FrameAssembler assembler(2);
  const FrameAssembler::Frame frame = assemble(assembler, pattern(100, 0), 50);
  assembler.release(frame.handle);
  EXPECT_DEATH(assembler.release(frame.handle), "assertion failed");
}
#endif

}  // namespace
}  // namespace hopscope::io
