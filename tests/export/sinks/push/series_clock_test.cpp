#include "export/sinks/push/series_clock.h"

#include <gtest/gtest.h>

#include <set>

namespace hopscope::exporter {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

TEST(SeriesClock, TimesOfASeriesAscend) {
  SeriesClock clock(1, kMinute);
  EXPECT_EQ(clock.stamp("a", 100), 100);
  EXPECT_EQ(clock.stamp("a", 100), 101);
  EXPECT_EQ(clock.stamp("a", 101), 102);
  EXPECT_EQ(clock.stamp("a", 50), 103);
  EXPECT_EQ(clock.stamp("b", 100), 100);
  EXPECT_EQ(clock.stamp("a", 200), 200);
}

TEST(SeriesClock, InStepsOfTheStore) {
  SeriesClock clock(1'000'000, kMinute);
  EXPECT_EQ(clock.stamp("a", 5'700'123), 5'000'000);
  EXPECT_EQ(clock.stamp("a", 5'900'000), 6'000'000);
  EXPECT_EQ(clock.stamp("a", 6'100'000), 7'000'000);
  EXPECT_EQ(clock.stamp("a", 9'999'999), 9'000'000);
}

TEST(SeriesClock, MoreThanOneAStepIsNoClockThatWasSet) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  SeriesClock clock(kSecond, kMinute);
  std::set<std::int64_t> times;
  for (std::int64_t i = 0; i < 1000; ++i) times.insert(clock.stamp("a", i * kSecond / 100));
  EXPECT_EQ(times.size(), 1000U);
}

TEST(SeriesClock, TwoClocksInOneSeriesShareNoTime) {
  const std::int64_t now = 1'700'000'000'000'000'000;
  for (const std::int64_t step : {1, 1'000, 1'000'000, 1'000'000'000}) {
    for (const std::int64_t apart_s : {1, 9, 11, 20, 59, 61, 119}) {
      SeriesClock clock(step, kMinute);
      std::set<std::int64_t> times;
      for (std::int64_t i = 0; i < 1000; ++i) {
        times.insert(clock.stamp("a", now + i * 1'000'000));
        times.insert(clock.stamp("a", now + i * 1'000'000 - apart_s * 1'000'000'000));
      }
      EXPECT_EQ(times.size(), 2000U) << "steps of " << step << " ns, " << apart_s << " s apart";
    }
  }
}

TEST(SeriesClock, AClockThatWasSetBackIsFollowed) {
  SeriesClock clock(1, kMinute);
  const std::int64_t now = 1'700'000'000'000'000'000;
  EXPECT_EQ(clock.stamp("a", now), now);
  const std::int64_t before = clock.stamp("a", now - 3600'000'000'000);
  EXPECT_NEAR(static_cast<double>(before - now), -3600e9, 1e6);
}

}  // namespace
}  // namespace hopscope::exporter
