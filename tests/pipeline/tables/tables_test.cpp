// Small tables beneath the flows: row numbers, rows that go and come, latency buckets, the owner's
// decisions.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/row_table.h"
#include "pipeline/tables/slot_index.h"
#include "pipeline/tables/switch_row.h"
#include "pipeline/worker/authority.h"

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
}

TEST(SlotIndex, FindsWhatIsThereWhateverWasErased) {
  constexpr std::uint32_t kCapacity = 64;
  SlotIndex index(kCapacity);
  std::map<std::uint64_t, std::uint32_t> model;
  std::mt19937 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t key = random() % 100;
    const auto known = model.find(key);
    if (random() % 2 == 0) {
      index.erase(key, {});
      if (known != model.end()) model.erase(known);
    } else {
      const auto found = index.find_or_add(key, {});
      if (known != model.end()) {
        ASSERT_FALSE(found.is_new);
        ASSERT_EQ(found.row, known->second);
      } else if (model.size() == kCapacity) {
        ASSERT_EQ(found.row, SlotIndex::kNone);
      } else {
        ASSERT_TRUE(found.is_new);
        ASSERT_LT(found.row, kCapacity);
        for (const auto& [other, row] : model) ASSERT_NE(row, found.row) << other;
        model[key] = found.row;
      }
    }
    ASSERT_EQ(index.size(), model.size());
  }
}

struct PlainRow {
  std::uint32_t sequence;
  std::uint32_t value;
};

TEST(RowTable, AFullTableMakesRoomOnlyWhereARowIsSpare) {
  RowTable<PlainRow> rows(4);
  const auto add = [&](std::uint32_t key, std::uint32_t spare_below) {
    return rows.find_or_add(
        key, {}, [&](PlainRow& fresh) { fresh.value = key; },
        [&](const PlainRow& row) { return row.value < spare_below; });
  };
  for (std::uint32_t key = 10; key < 14; ++key) ASSERT_NE(add(key, 0), SlotIndex::kNone);
  EXPECT_EQ(add(20, 0), SlotIndex::kNone);
  EXPECT_EQ(rows.refused(), 1U);
  EXPECT_NE(add(21, 11), SlotIndex::kNone);  // 10 goes
  EXPECT_EQ(add(22, 11), SlotIndex::kNone);
  EXPECT_EQ(rows.entries(), 4U);
  EXPECT_EQ(rows.expired(), 1U);
  EXPECT_EQ(rows.refused(), 2U);
  std::vector<std::uint32_t> values;
  rows.for_each([&](const PlainRow& row) { values.push_back(row.value); });
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, (std::vector<std::uint32_t>{11, 12, 13, 21}));
}

TEST(AgeingClock, GoesOnWithAClockThatIsSetBack) {
  AgeingClock clock;
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(clock.at(1000 * kSecond), 1000 * kSecond);
  EXPECT_EQ(clock.at(1001 * kSecond), 1001 * kSecond);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(clock.at((1 + i) * kSecond), 1001 * kSecond) << "set back: it stands still";
  }
  EXPECT_EQ(clock.at(17 * kSecond), 1002 * kSecond);
  EXPECT_EQ(clock.at(9000 * kSecond), (1002 + 9000 - 17) * kSecond);
}

TEST(AgeingClock, ASingleWrongTimeChangesNothing) {
  AgeingClock clock;
  constexpr std::int64_t kSecond = 1'000'000'000;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const std::int64_t now = 1'700'000'000 * kSecond + i;
    EXPECT_EQ(clock.at(now), now);
    EXPECT_EQ(clock.at(0), now);
  }
}

TEST(AgeingClock, AStepIsNeverWiderThanAnAgeCanTell) {
  AgeingClock clock;
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(clock.at(kSecond), kSecond);
  for (const std::int64_t gap : {40'000, 50'000, 100'000, 1'000'000'000}) {
    AgeingClock other = clock;
    const std::int64_t now = other.at((1 + gap) * kSecond);
    EXPECT_EQ(seconds_since(1, static_cast<std::uint32_t>(now / kSecond)), 32'000U);
  }
}

TEST(AgeingClock, TimesOutOfOrderDoNotAddUp) {
  AgeingClock clock;
  constexpr std::int64_t kSecond = 1'000'000'000;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(clock.at(5 * kSecond), 5 * kSecond);
    EXPECT_EQ(clock.at(5 * kSecond - kSecond / 2), 5 * kSecond);
  }
}

TEST(SecondsSince, WrapsAndTakesTheFutureForNow) {
  EXPECT_EQ(seconds_since(0xFFFF, 0x1'0003), 4U);
  EXPECT_EQ(seconds_since(10, 0x1'0000 + 10), 0U);
  EXPECT_EQ(seconds_since(11, 10), 0U);
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
            .now_ns = at_s * 1'000'000'000,
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
  refresh.now_ns = 11'000'000'000;
  refresh.value = 8;
  EXPECT_EQ(decide(refresh), Authority::Verdict::kKnown);
  refresh.now_ns = 12'000'000'000;
  EXPECT_EQ(decide(refresh), Authority::Verdict::kKnown);
  const auto seen = events();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].kind, EventKind::kRefresh);
  EXPECT_EQ(seen[1].old_value, 5U);
  EXPECT_EQ(seen[1].new_value, 8U);
}

}  // namespace
}  // namespace hopscope::pipeline
