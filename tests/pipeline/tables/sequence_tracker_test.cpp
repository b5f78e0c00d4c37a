#include "pipeline/tables/sequence_tracker.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace hopscope::pipeline {
namespace {

constexpr std::uint32_t kWindow = 128;

SequenceRow row(std::uint8_t bits = 32) {
  SequenceRow row{};
  row.bits = bits;
  return row;
}

void feed(SequenceRow& row, std::initializer_list<std::uint32_t> numbers) {
  for (const std::uint32_t number : numbers) observe(row, number, kWindow, 1);
}

TEST(SequenceTracker, NothingIsMissingInARun) {
  SequenceRow r = row();
  for (std::uint32_t n = 5; n < 2000; ++n) observe(r, n, kWindow, 1);
  settle(r);
  EXPECT_EQ(r.missing, 0U);
  EXPECT_EQ(r.late, 0U);
  EXPECT_EQ(r.received, 1995U);
}

TEST(SequenceTracker, AHoleCountsWhenItLeavesTheWindowOrTheSenderFallsSilent) {
  SequenceRow r = row();
  feed(r, {10, 11, 15});
  EXPECT_EQ(r.missing, 0U) << "they may still come";
  settle(r);
  EXPECT_EQ(r.missing, 3U);
  settle(r);
  EXPECT_EQ(r.missing, 3U) << "settled once";
  for (std::uint32_t n = 16; n < 400; ++n) observe(r, n, kWindow, 1);
  EXPECT_EQ(r.missing, 3U);
}

TEST(SequenceTracker, EachHoleCountsOnceWhateverTheWindow) {
  for (const std::uint32_t window : {kWindow, kSequenceWindow}) {
    SequenceRow r = row();
    std::uint64_t left_out = 0;
    for (std::uint32_t n = 1; n < 20'000; ++n) {
      if (n % 100 < 3) {
        ++left_out;
      } else {
        observe(r, n, window, 1);
      }
    }
    settle(r);
    EXPECT_EQ(r.missing, left_out - 2) << "of numbers before the first one nobody knows";
  }
}

TEST(SequenceTracker, ReorderingIsNotLoss) {
  SequenceRow r = row();
  feed(r, {1, 2, 5, 3, 4, 6});
  settle(r);
  EXPECT_EQ(r.missing, 0U);
  EXPECT_EQ(r.late, 2U);
  EXPECT_EQ(r.duplicates, 0U);
}

TEST(SequenceTracker, DuplicatesAreToldFromLateOnes) {
  SequenceRow r = row();
  feed(r, {100, 101, 102, 101, 103, 103});
  settle(r);
  EXPECT_EQ(r.duplicates, 2U);
  EXPECT_EQ(r.late, 0U);
  EXPECT_EQ(r.missing, 0U);
}

TEST(SequenceTracker, TheNumberWrapsAtItsWidth) {
  SequenceRow r = row(22);
  feed(r, {0x3FFFFE, 0x3FFFFF, 0, 1, 3});
  settle(r);
  EXPECT_EQ(r.missing, 1U);
  EXPECT_EQ(r.restarts, 0U);
}

TEST(SequenceTracker, AJumpBackToTheStartIsARestart) {
  SequenceRow r = row();
  for (std::uint32_t n = 0; n < 1000; ++n) observe(r, n, kWindow, 1);
  for (std::uint32_t n = 0; n < 1000; ++n) observe(r, n, kWindow, 1);
  settle(r);
  EXPECT_EQ(r.restarts, 1U);
  EXPECT_EQ(r.missing, 0U);
}

TEST(SequenceTracker, AShortRunThatStartsAgainIsARestartToo) {
  SequenceRow r = row();
  feed(r, {1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6});
  settle(r);
  EXPECT_EQ(r.restarts, 1U);
  EXPECT_EQ(r.duplicates, 0U);
}

TEST(SequenceTracker, ARestartFromTheUpperHalfIsNoLoss) {
  for (const std::uint32_t before : {3'000'000U, 2'097'152U, 4'000'000U}) {
    SequenceRow r = row(22);
    for (std::uint32_t n = 0; n < 10; ++n) observe(r, before + n, kWindow, 1);
    for (std::uint32_t n = 0; n < 10; ++n) observe(r, n, kWindow, 1);
    settle(r);
    EXPECT_EQ(r.restarts, 1U) << before;
    EXPECT_EQ(r.missing, 0U) << before;
  }
}

TEST(SequenceTracker, OneOfTheFirstNumbersThatComesAgainIsADuplicate) {
  for (const std::uint32_t again : {0U, 1U, 2U}) {
    SequenceRow r = row();
    feed(r, {0, 1, 2, 3, again, 4, 5, 6});
    settle(r);
    EXPECT_EQ(r.restarts, 0U) << again;
    EXPECT_EQ(r.missing, 0U) << again;
    EXPECT_EQ(r.duplicates, 1U) << again;
  }
}

TEST(SequenceTracker, ALongJumpForwardIsLossOfAllBetween) {
  SequenceRow r = row();
  feed(r, {10, 100'000});
  settle(r);
  EXPECT_EQ(r.missing, 99'989U);
  EXPECT_EQ(r.restarts, 0U);
}

TEST(SequenceTracker, ASenderThatDoesNotCountIsLeftAlone) {
  SequenceRow r = row();
  for (int i = 0; i < 100; ++i) observe(r, 0, kWindow, 1);
  settle(r);
  EXPECT_EQ(r.constant, 1);
  EXPECT_EQ(r.missing, 0U);
  EXPECT_EQ(r.duplicates, 0U);
  EXPECT_EQ(r.restarts, 0U);
}

TEST(SequenceTracker, CountsExactlyWhatWasLeftOutOfAShuffledRun) {
  for (const std::uint8_t bits : {std::uint8_t{22}, std::uint8_t{32}}) {
    std::mt19937 random(bits);
    SequenceRow r = row(bits);
    const std::uint32_t mask = bits == 32 ? 0xFFFF'FFFF : (1U << bits) - 1;
    const std::uint32_t first = mask - 5000;  // wraps on the way
    std::vector<std::uint32_t> numbers;
    std::uint64_t left_out = 0;
    for (std::uint32_t i = 0; i < 50'000; ++i) {
      const bool inner = i > 0 && i < 49'999;
      if (inner && random() % 10 == 0) {
        ++left_out;
      } else {
        numbers.push_back((first + i) & mask);
      }
    }
    // Neighbours within half a window change places; the ends stay.
    for (std::size_t i = 1; i + 40 < numbers.size(); i += 40) {
      std::shuffle(numbers.begin() + static_cast<std::ptrdiff_t>(i),
                   numbers.begin() + static_cast<std::ptrdiff_t>(i + 40), random);
    }
    for (const std::uint32_t n : numbers) observe(r, n, kWindow, 1);
    settle(r);
    EXPECT_EQ(r.missing, left_out);
    EXPECT_EQ(r.duplicates, 0U);
    EXPECT_EQ(r.restarts, 0U);
    EXPECT_EQ(r.received, numbers.size());
  }
}

}  // namespace
}  // namespace hopscope::pipeline
