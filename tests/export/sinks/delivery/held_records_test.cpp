#include "export/sinks/delivery/held_records.h"

#include <gtest/gtest.h>

namespace hopscope::exporter {
namespace {

using std::chrono::seconds;

constexpr HeldRecords::Clock::time_point kStart{};

TEST(HeldRecords, AreReleasedWhenTheirTimeIsOver) {
  HeldRecords held(seconds(30), 100);
  EXPECT_EQ(held.count(), 0U);
  held.delivered(100, 110, kStart);
  held.delivered(110, 115, kStart + seconds(20));
  EXPECT_EQ(held.count(), 15U);
  EXPECT_EQ(held.release(kStart + seconds(29)), 100U);
  EXPECT_EQ(held.release(kStart + seconds(30)), 110U);
  EXPECT_EQ(held.count(), 5U);
  EXPECT_EQ(held.release(kStart + seconds(50)), 115U);
  EXPECT_EQ(held.count(), 0U);
  EXPECT_FALSE(held.wants_again());
}

TEST(HeldRecords, WithoutATimeNothingIsHeld) {
  HeldRecords held(seconds(0), 0);
  held.delivered(0, 10, kStart);
  EXPECT_EQ(held.release(kStart), 10U);
  held.lost();
  EXPECT_FALSE(held.wants_again());
}

TEST(HeldRecords, GoAgainWhereTheConnectionEnded) {
  HeldRecords held(seconds(30), 0);
  held.delivered(0, 10, kStart);
  held.delivered(10, 20, kStart + seconds(20));
  held.release(kStart + seconds(30));
  held.lost();
  EXPECT_TRUE(held.wants_again());
  EXPECT_EQ(held.next(), 10U) << "what was released is not sent again";
  EXPECT_EQ(held.again_end(), 20U);
  EXPECT_EQ(held.release(kStart + seconds(90)), 10U) << "their time begins anew";
  held.delivered(10, 15, kStart + seconds(100));
  EXPECT_EQ(held.next(), 15U);
  // Once more, in the middle of it.
  held.lost();
  EXPECT_EQ(held.next(), 10U);
  EXPECT_EQ(held.again_end(), 20U);
  held.delivered(10, 20, kStart + seconds(200));
  EXPECT_FALSE(held.wants_again());
  EXPECT_EQ(held.release(kStart + seconds(230)), 20U);
}

TEST(HeldRecords, ABatchThatFindsTheEndGoesAgainToo) {
  HeldRecords held(seconds(30), 0);
  held.delivered(0, 10, kStart);
  held.lost();
  held.delivered(10, 20, kStart);
  EXPECT_EQ(held.next(), 0U);
  EXPECT_EQ(held.again_end(), 20U);
}

TEST(HeldRecords, AConnectionThatNeverLastsIsNotFollowedForEver) {
  HeldRecords held(seconds(30), 0);
  int times = 0;
  held.delivered(0, 10, kStart);
  for (held.lost(); held.wants_again(); held.lost()) {
    held.delivered(0, 10, kStart);
    ++times;
  }
  EXPECT_EQ(times, 10);
  EXPECT_EQ(held.count(), 0U);
  // Nor are those that come later, until one has lasted.
  held.delivered(10, 20, kStart);
  held.lost();
  EXPECT_FALSE(held.wants_again());
  held.delivered(20, 30, kStart);
  EXPECT_EQ(held.release(kStart + seconds(30)), 30U);
  held.delivered(30, 40, kStart + seconds(31));
  held.lost();
  EXPECT_TRUE(held.wants_again());
}

TEST(HeldRecords, ABatchThatWasGivenUpOnItsWayChangesNothing) {
  HeldRecords held(seconds(30), 0);
  held.delivered(0, 20, kStart);
  for (int i = 0; i < 11; ++i) {
    held.lost();
    if (i < 10) held.delivered(0, 20, kStart);
  }
  held.delivered(0, 10, kStart);
  EXPECT_EQ(held.release(kStart), 20U);
  EXPECT_FALSE(held.wants_again());
}

TEST(HeldRecords, AnEndThatTakesNothingIsNone) {
  HeldRecords held(seconds(30), 0);
  for (int i = 0; i < 100; ++i) held.lost();
  held.delivered(0, 10, kStart);
  held.lost();
  // An outage is seen again and again.
  for (int i = 0; i < 100; ++i) held.lost();
  EXPECT_TRUE(held.wants_again());
}

}  // namespace
}  // namespace hopscope::exporter
