#include "pipeline/events/intervals.h"

#include <gtest/gtest.h>

#include <random>

namespace hopscope::pipeline {
namespace {

IntervalRule width(double width, double hysteresis) {
  return IntervalRule({.enabled = true, .width = width, .edges = {}, .hysteresis = hysteresis}, 1);
}

IntervalRule edges(std::vector<double> edges, double hysteresis) {
  return IntervalRule({.enabled = true, .edges = std::move(edges), .hysteresis = hysteresis}, 1);
}

TEST(Intervals, FixedWidth_WithoutHysteresis_FiresAtEveryEdge) {
  const IntervalRule rule = width(64, 0);
  EXPECT_EQ(rule.index(63), 0);
  EXPECT_EQ(rule.index(64), 1);
  EXPECT_FALSE(rule.left(0, 0));
  EXPECT_FALSE(rule.left(63, 0));
  EXPECT_TRUE(rule.left(64, 0));
  EXPECT_TRUE(rule.left(63, 1));
  EXPECT_FALSE(rule.left(127, 1));
}

TEST(Intervals, Value_VaryingAroundAnEdge_DoesNotFire) {
  const IntervalRule rule = width(100, 0.1);
  for (const std::uint64_t value : {99U, 100U, 101U, 109U, 92U, 108U})
    EXPECT_FALSE(rule.left(value, 0));
  EXPECT_TRUE(rule.left(110, 0));
  EXPECT_FALSE(rule.left(95, 1));
  EXPECT_TRUE(rule.left(89, 1));
}

TEST(Intervals, ExplicitEdges_IncludeTheirLowerEnd) {
  const IntervalRule rule = edges({10, 100}, 0);
  EXPECT_EQ(rule.index(0), 0);
  EXPECT_EQ(rule.index(9), 0);
  EXPECT_EQ(rule.index(10), 1);
  EXPECT_EQ(rule.index(100), 2);
  EXPECT_TRUE(rule.left(10, 0));
  EXPECT_FALSE(rule.left(1'000'000, 2));
  EXPECT_TRUE(rule.left(99, 2));
}

TEST(Intervals, Hysteresis_WithEdges_IsPartOfTheCurrentInterval) {
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

TEST(Intervals, Options_InUnits_BecomeRawValues) {
  const IntervalRule in_us({.enabled = true, .width = 1e-3, .edges = {}, .hysteresis = 0}, 1e-6);
  EXPECT_EQ(in_us.index(999), 0);
  EXPECT_EQ(in_us.index(1000), 1);
  const IntervalRule finer_than_the_unit(
      {.enabled = true, .width = 1e-9, .edges = {}, .hysteresis = 0}, 1e-3);
  EXPECT_EQ(finer_than_the_unit.index(7), 7) << "never below one raw unit";
}

TEST(Intervals, TopInterval_HasNoUpperEnd) {
  const IntervalRule rule = width(1, 0.5);
  const Interval top = rule.index(1'000'000'000);
  EXPECT_EQ(top, 0xFFFE);
  EXPECT_FALSE(rule.left(0xFFFF'FFFF, top));
  EXPECT_TRUE(rule.left(3, top));
}

TEST(Intervals, Value_InItsInterval_HasNotLeft_AndAMoveChangesTheIndex) {
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

}  // namespace
}  // namespace hopscope::pipeline
