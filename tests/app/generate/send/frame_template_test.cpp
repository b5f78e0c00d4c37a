#include "app/generate/send/frame_template.h"

#include <gtest/gtest.h>

#include <vector>

namespace hopscope::io {
namespace {

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24 |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

std::uint32_t folded_sum(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i]) << 8 | bytes[i + 1];
  }
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

TEST(FrameTemplate, NumbersGoOnFromLapToLap) {
  FrameTemplate frame{.bytes = std::vector<std::uint8_t>(20),
                      .sequence_at = 4,
                      .sequence_bits = 22,
                      .sequence = 0x3F'FFFE,
                      .sequence_step = 3,
                      .times = {}};
  frame.bytes[4] = 0xA5;  // not part of the number
  frame.bytes[5] = 0xC0;
  std::vector<std::uint8_t> out(20);
  render(frame, 0, 0, true, out);
  EXPECT_EQ(word(out, 4), 0xA5FF'FFFEU);
  render(frame, 1, 0, true, out);
  EXPECT_EQ(word(out, 4), 0xA5C0'0001U) << "22 bits wrap, the others stay";
}

TEST(FrameTemplate, TimesMoveByWhatHasPassedSinceTheTemplate) {
  FrameTemplate frame{.bytes = std::vector<std::uint8_t>(20),
                      .time_offset_ns = 100,
                      .times = {{.at = 0, .wide = false}, {.at = 8, .wide = true}}};
  frame.bytes[15] = 50;
  std::vector<std::uint8_t> out(20);
  render(frame, 0, 5'000'000'100, true, out);
  EXPECT_EQ(word(out, 0), 5'000'000'000U & 0xFFFF'FFFF);
  EXPECT_EQ(word(out, 8), 1U);
  EXPECT_EQ(word(out, 12), 5'000'000'050U - (1ULL << 32));
  render(frame, 0, 0, true, out);
  EXPECT_EQ(word(out, 0), 0xFFFF'FF9CU);
  render(frame, 0, 77, false, out);
  EXPECT_EQ(out, frame.bytes);
}

TEST(FrameTemplate, ChecksumStaysRight) {
  FrameTemplate frame{.bytes = std::vector<std::uint8_t>(40, 0x3C),
                      .sequence_at = 8,
                      .sequence_bits = 32,
                      .sequence = 123'456'789,
                      .sequence_step = 987'654'321,
                      .checksum_at = 6,
                      .times = {{.at = 16, .wide = true}, {.at = 30, .wide = false}}};
  frame.bytes[6] = frame.bytes[7] = 0;
  const std::uint32_t checksum = 0xFFFF & ~folded_sum(frame.bytes);
  frame.bytes[6] = static_cast<std::uint8_t>(checksum >> 8);
  frame.bytes[7] = static_cast<std::uint8_t>(checksum & 0xFF);
  std::vector<std::uint8_t> out(frame.bytes.size());
  for (std::uint32_t lap = 0; lap < 20'000; ++lap) {
    render(frame, lap, std::int64_t{lap} * 123'456'789, true, out);
    ASSERT_EQ(folded_sum(out), 0xFFFFU) << lap;
  }
}

TEST(FrameTemplate, WhatIsBeyondTheFrameIsLeftAlone) {
  FrameTemplate frame{.bytes = std::vector<std::uint8_t>(20, 1),
                      .sequence_at = 17,
                      .sequence_bits = 32,
                      .checksum_at = 18,
                      .times = {{.at = 13, .wide = true}, {.at = 17, .wide = false}}};
  std::vector<std::uint8_t> out(20);
  render(frame, 1, 1000, true, out);
  EXPECT_EQ(out, frame.bytes);
}

}  // namespace
}  // namespace hopscope::io
