// Small tables beneath the flows: row numbers, latency buckets, the owner's decisions.

#include <gtest/gtest.h>

#include "pipeline/authority.h"
#include "pipeline/slot_index.h"
#include "pipeline/switch_row.h"

namespace hopscope::pipeline {
namespace {

TEST(SlotIndex, NumbersKeysInOrderAndRefusesBeyondItsCapacity) {
  SlotIndex index(1000);
  for (std::uint64_t key = 0; key < 1000; ++key) {
    const auto found = index.find_or_add(key << 40, {});
    ASSERT_TRUE(found.is_new);
    ASSERT_EQ(found.row, key);
  }
  for (std::uint64_t key = 0; key < 1000; ++key) {
    const auto found = index.find_or_add(key << 40, {});
    ASSERT_FALSE(found.is_new);
    ASSERT_EQ(found.row, key);
  }
  EXPECT_EQ(index.find_or_add(12345, {}).row, SlotIndex::kNone);
  EXPECT_EQ(index.refused(), 1U);
}

TEST(LatencyBucket, IsTheFirstWhoseBoundIsNotBelowTheLatency) {
  const auto obvious = [](std::uint64_t latency_ns) {
    for (unsigned i = 0; i + 1 < kLatencyBuckets; ++i) {
      if (latency_ns <= (std::uint64_t{1} << (i + kLatencyFirstBit))) return i;
    }
    return kLatencyBuckets - 1;
  };
  for (unsigned shift = 0; shift < 40; ++shift) {
    for (const std::int64_t offset : {-1, 0, 1}) {
      const auto latency = static_cast<std::uint64_t>((std::int64_t{1} << shift) + offset);
      EXPECT_EQ(latency_bucket(latency), obvious(latency)) << latency;
    }
  }
}

class AuthorityTest : public testing::Test {
 protected:
  static RowChange change(std::uint32_t value, Interval interval, std::int64_t at_s) {
    return {.switch_time = 1,
            .receive_time_ns = at_s * 1'000'000'000,
            .switch_id = 7,
            .port = 3,
            .queue = 1,
            .value = value,
            .time_switch_id = 7,
            .measurement = Measurement::kQueueOccupancy,
            .interval = interval,
            .has_switch_time = true,
            .refresh = false};
  }
  Authority::Verdict decide(RowChange what) { return authority_.decide(what); }
  std::vector<Event> events() {
    buffer_.flush();
    std::vector<Event> taken(64);
    taken.resize(queue_.pop(taken.data(), taken.size()));
    return taken;
  }

  SpscQueue<Event> queue_{16};
  EventBuffer buffer_{queue_};
  Authority authority_{TableOptions{.ports = 16, .queue_overflow = 16},
                       EventOptions{.refresh_s = 10}, HashSeed{}, buffer_};
};

TEST_F(AuthorityTest, TwoWorkersThatSeeTheSameChangeMakeOneEvent) {
  EXPECT_EQ(decide(change(5, 0, 1)), Authority::Verdict::kAccepted);
  EXPECT_EQ(decide(change(6, 0, 1)), Authority::Verdict::kKnown);
  EXPECT_EQ(decide(change(70, 1, 2)), Authority::Verdict::kAccepted);
  EXPECT_EQ(decide(change(71, 1, 2)), Authority::Verdict::kKnown);
  const auto seen = events();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].kind, EventKind::kNewKey);
  EXPECT_FALSE(seen[0].has_old);
  EXPECT_EQ(seen[1].kind, EventKind::kValueMoved);
  EXPECT_EQ(seen[1].old_value, 5U);
  EXPECT_EQ(seen[1].new_value, 70U);
  EXPECT_EQ(seen[1].queue, 1U);
}

TEST_F(AuthorityTest, AChangeOlderThanWhatIsKnownSendsTheWorkerBack) {
  (void)decide(change(5, 0, 1));
  (void)decide(change(200, 3, 5));
  RowChange stale = change(70, 1, 4);
  EXPECT_EQ(authority_.decide(stale), Authority::Verdict::kRefused);
  EXPECT_EQ(stale.interval, 3);
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(AuthorityTest, WhatDoesNotFitInTheQueueIsSeenAgain) {
  for (std::uint32_t i = 0; i < 16; ++i) {
    EXPECT_EQ(decide(change(i, static_cast<Interval>(i), i + 1)), Authority::Verdict::kAccepted);
  }
  RowChange last = change(99, 99, 30);
  EXPECT_EQ(authority_.decide(last), Authority::Verdict::kRefused);
  EXPECT_EQ(last.interval, 15);
  EXPECT_EQ(buffer_.dropped(), 1U);
  EXPECT_EQ(events().size(), 16U);
  EXPECT_EQ(decide(change(99, 99, 31)), Authority::Verdict::kAccepted);
  EXPECT_EQ(events().at(0).new_value, 99U);
}

TEST_F(AuthorityTest, RefreshComesOnlyAfterSilence) {
  (void)decide(change(5, 0, 1));
  RowChange refresh = change(5, 0, 5);
  refresh.refresh = true;
  EXPECT_EQ(decide(refresh), Authority::Verdict::kKnown);
  refresh.receive_time_ns = 11'000'000'000;
  EXPECT_EQ(decide(refresh), Authority::Verdict::kKnown);
  refresh.receive_time_ns = 12'000'000'000;
  EXPECT_EQ(decide(refresh), Authority::Verdict::kKnown);
  const auto seen = events();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].kind, EventKind::kRefresh);
}

}  // namespace
}  // namespace hopscope::pipeline
