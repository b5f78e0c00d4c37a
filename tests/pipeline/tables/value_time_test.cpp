// Ticks beside values, and the stamps that they stand for.

#include "pipeline/tables/value_time.h"

#include <gtest/gtest.h>

#include <random>

namespace hopscope::pipeline {
namespace {

constexpr std::uint32_t kTick = 1U << kTickShift;
constexpr std::uint32_t kSecond = stamp_of(1'000'000'000);

std::uint32_t below(std::mt19937& random, std::uint32_t limit) {
  return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random);
}

/// Whether two stamps are the same tick; the tick that means none is told as the one behind it.
void expect_same_tick(std::uint32_t told, std::uint32_t real) {
  const auto later = static_cast<std::uint32_t>((told >> kTickShift) - (real >> kTickShift)) &
                     ((1U << (32 - kTickShift)) - 1);
  EXPECT_LE(later, static_cast<std::uint8_t>(real >> kTickShift) == kNoTick ? 1U : 0U)
      << told << " for " << real;
}

TEST(ValueTime, AStampIsTheTimeInMicrosecondsMoreOrLess) {
  EXPECT_EQ(stamp_of(1'024), 1U);
  EXPECT_EQ(stamp_of(1'023), 0U);
  EXPECT_NEAR(kSecond, 1e6, 3e4);
}

TEST(ValueTime, NoValueHasTheTickThatMeansNone) {
  for (std::uint32_t tick = 0; tick < 512; ++tick) EXPECT_NE(tick_of(tick * kTick), kNoTick);
}

TEST(ValueTime, ATickTellsTheStampOfASecondAndAHalfBehindTheSweep) {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto swept = static_cast<std::uint32_t>(random());  // also where stamps come round
    const std::uint32_t came = swept + below(random, kSecond * 3 / 2);
    expect_same_tick(stamp_with(tick_of(came), swept), came);
  }
}

/// A row that is swept at intervals of about a second for as long as a value stays.
TEST(ValueTime, WhatGrowsOldIsKeptBeforeItsTickComesRound) {
  std::mt19937 random(2);
  for (int i = 0; i < 1'000; ++i) {
    const auto came = static_cast<std::uint32_t>(random());
    const std::uint8_t tick = tick_of(came);
    std::uint32_t swept = came - below(random, kSecond);
    bool is_kept = false;
    for (int sweeps = 0; sweeps < 3 && !is_kept; ++sweeps) {
      expect_same_tick(stamp_with(tick, swept), came);
      const std::uint32_t now = swept + kSecond + below(random, kSecond / 8);
      if (is_old(tick, swept, now)) {
        expect_same_tick(stamp_with(tick, swept), came);
        is_kept = true;
      }
      swept = now;
    }
    EXPECT_TRUE(is_kept);
  }
}

TEST(ValueTime, AfterASweepThatCameLateNothingIsTakenForNew) {
  constexpr std::uint32_t swept = 5000 * kTick;
  for (std::uint32_t tick = 1; tick < 256; ++tick) {
    EXPECT_TRUE(is_old(static_cast<std::uint8_t>(tick), swept, swept + 2 * kSecond)) << tick;
    const std::uint32_t stamp = stamp_with(static_cast<std::uint8_t>(tick), swept);
    EXPECT_LT(stamp, swept + 2 * kSecond);
  }
}

/// A value that stays for hours beside one that goes on, in a row that is swept every second.
TEST(ValueTime, WhatWasOldestStaysSoThoughStampsComeRound) {
  std::uint32_t now = 17;
  std::uint32_t old = now;
  for (int second = 0; second < 5 * 3600; ++second) {
    now += kSecond;
    old = kept_stamp(old, now);
    ASSERT_GT(static_cast<std::int32_t>(now - old), 0) << second;
  }
  EXPECT_EQ(kept_stamp(now - kSecond, now), now - kSecond);
  EXPECT_EQ(kept_stamp(now + kTick, now), now + kTick) << "a little ahead";
}

TEST(ValueTime, AValueThatIsALittleAheadOfTheSweepIsNotOld) {
  const std::uint32_t now = 1000 * kTick;
  for (std::uint32_t ahead = 0; ahead < kAheadTicks; ++ahead) {
    EXPECT_FALSE(is_old(tick_of(now + ahead * kTick), now, now));
    expect_same_tick(stamp_with(tick_of(now + ahead * kTick), now), now + ahead * kTick);
  }
}

}  // namespace
}  // namespace hopscope::pipeline
