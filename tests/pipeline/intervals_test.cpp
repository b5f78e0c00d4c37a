#include "pipeline/intervals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace hopscope::pipeline {
namespace {

IntervalRule width(double width, double hysteresis) {
  return IntervalRule({.enabled = true, .width = width, .edges = {}, .hysteresis = hysteresis}, 1);
}

IntervalRule edges(std::vector<double> edges, double hysteresis) {
  return IntervalRule({.enabled = true, .edges = std::move(edges), .hysteresis = hysteresis}, 1);
}

TEST(Intervals, FixedWidthWithoutHysteresisFiresAtEveryEdge) {
  const IntervalRule rule = width(64, 0);
  EXPECT_EQ(rule.index(63), 0);
  EXPECT_EQ(rule.index(64), 1);
  EXPECT_FALSE(rule.left(0, 0));
  EXPECT_FALSE(rule.left(63, 0));
  EXPECT_TRUE(rule.left(64, 0));
  EXPECT_TRUE(rule.left(63, 1));
  EXPECT_FALSE(rule.left(127, 1));
}

TEST(Intervals, AValueThatTremblesOnAnEdgeDoesNotFire) {
  const IntervalRule rule = width(100, 0.1);
  for (const std::uint64_t value : {99U, 100U, 101U, 109U, 92U, 108U})
    EXPECT_FALSE(rule.left(value, 0));
  EXPECT_TRUE(rule.left(110, 0));
  EXPECT_FALSE(rule.left(95, 1));
  EXPECT_TRUE(rule.left(89, 1));
}

TEST(Intervals, ExplicitEdgesIncludeTheirLowerEnd) {
  const IntervalRule rule = edges({10, 100}, 0);
  EXPECT_EQ(rule.index(0), 0);
  EXPECT_EQ(rule.index(9), 0);
  EXPECT_EQ(rule.index(10), 1);
  EXPECT_EQ(rule.index(100), 2);
  EXPECT_TRUE(rule.left(10, 0));
  EXPECT_FALSE(rule.left(1'000'000, 2));
  EXPECT_TRUE(rule.left(99, 2));
}

TEST(Intervals, EdgesHaveHysteresisOfTheIntervalTheValueIsIn) {
  const IntervalRule rule = edges({10, 100}, 0.1);
  EXPECT_FALSE(rule.left(2, 1));  // 10 - 0.1 * 90 = 1
  EXPECT_TRUE(rule.left(0, 1));
  EXPECT_FALSE(rule.left(108, 1));
  EXPECT_TRUE(rule.left(109, 1));
  EXPECT_FALSE(rule.left(10, 0));
  EXPECT_TRUE(rule.left(11, 0));
  EXPECT_FALSE(rule.left(91, 2));
  EXPECT_TRUE(rule.left(90, 2));
}

TEST(Intervals, UnitsAreTurnedIntoRawValues) {
  const IntervalRule in_us({.enabled = true, .width = 1e-3, .edges = {}, .hysteresis = 0}, 1e-6);
  EXPECT_EQ(in_us.index(999), 0);
  EXPECT_EQ(in_us.index(1000), 1);
  const IntervalRule finer_than_the_unit(
      {.enabled = true, .width = 1e-9, .edges = {}, .hysteresis = 0}, 1e-3);
  EXPECT_EQ(finer_than_the_unit.index(7), 7) << "never below one raw unit";
}

TEST(Intervals, TheTopIntervalHasNoEnd) {
  const IntervalRule rule = width(1, 0.5);
  const Interval top = rule.index(1'000'000'000);
  EXPECT_EQ(top, 0xFFFE);
  EXPECT_FALSE(rule.left(0xFFFF'FFFF, top));
  EXPECT_TRUE(rule.left(3, top));
}

TEST(Intervals, AValueIsNeverOutsideItsOwnIntervalAndAMoveAlwaysChangesTheIndex) {
  std::mt19937_64 random(1);
  const IntervalRule rules[] = {width(1, 0), width(64, 0.25), width(1000, 1), edges({5}, 0),
                                edges({1, 2, 4, 8, 1000}, 0.3)};
  for (const IntervalRule& rule : rules) {
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t a = random() >> (random() % 63 + 1);
      const std::uint64_t b = random() >> (random() % 63 + 1);
      const Interval at = rule.index(a);
      ASSERT_FALSE(rule.left(a, at)) << a;
      ASSERT_LE(rule.begin(at), a);
      if (rule.left(b, at)) {
        ASSERT_NE(rule.index(b), at) << a << ' ' << b;
      }
    }
  }
}

TEST(Intervals, ARangeHoldsWhatHasNotLeftItsInterval) {
  std::mt19937_64 random(9);
  constexpr std::uint32_t kMost = 0xFF'FFFF;
  for (int round = 0; round < 2000; ++round) {
    const double first = static_cast<double>(1 + random() % 5000);
    const double hysteresis = static_cast<double>(random() % 10) / 20;
    const IntervalRule rule = round % 2 == 0
                                  ? width(first, hysteresis)
                                  : edges({first, 2 * first, 9 * first, 1e8 + first}, hysteresis);
    const Interval current = rule.index(random() % (round % 8 == 7 ? ~0ULL : 40'000));
    const WordRange range = rule.range(current, kMost);
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t edge = rule.begin(current) + random() % 3 * rule.width();
      const std::uint64_t near = edge + random() % 64 - std::min<std::uint64_t>(edge, 32);
      const auto value = static_cast<std::uint32_t>(std::min<std::uint64_t>(near, kMost));
      EXPECT_EQ(range.holds(value), !rule.left(value, current)) << value << " in " << current;
    }
  }
  EXPECT_FALSE(width(10, 0).range(kNoInterval, kMost).holds(5));
  const IntervalRule off({.enabled = false, .width = 10, .edges = {}}, 1);
  EXPECT_TRUE(off.range(3, kMost).holds(0) && off.range(3, kMost).holds(kMost));
  EXPECT_FALSE(off.range(3, kMost).holds(kMost + 1));
}

}  // namespace
}  // namespace hopscope::pipeline
