#include "export/push/series_clock.h"

#include <gtest/gtest.h>

namespace hopscope::exporter {
namespace {

TEST(SeriesClock, TimesOfASeriesAscend) {
  SeriesClock clock(1);
  EXPECT_EQ(clock.stamp("a", 100), 100);
  EXPECT_EQ(clock.stamp("a", 100), 101);
  EXPECT_EQ(clock.stamp("a", 101), 102);
  EXPECT_EQ(clock.stamp("a", 50), 103);
  EXPECT_EQ(clock.stamp("b", 100), 100);
  EXPECT_EQ(clock.stamp("a", 200), 200);
}

TEST(SeriesClock, InStepsOfTheStore) {
  SeriesClock clock(1'000'000);
  EXPECT_EQ(clock.stamp("a", 5'700'123), 5'000'000);
  EXPECT_EQ(clock.stamp("a", 5'900'000), 6'000'000);
  EXPECT_EQ(clock.stamp("a", 6'100'000), 7'000'000);
  EXPECT_EQ(clock.stamp("a", 9'999'999), 9'000'000);
}

TEST(SeriesClock, AClockThatWasSetBackIsFollowed) {
  SeriesClock clock(1);
  const std::int64_t now = 1'700'000'000'000'000'000;
  EXPECT_EQ(clock.stamp("a", now), now);
  EXPECT_EQ(clock.stamp("a", now - 3600'000'000'000), now - 3600'000'000'000);
}

}  // namespace
}  // namespace hopscope::exporter
