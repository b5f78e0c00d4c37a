#include "pipeline/tables/flow_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace hopscope::pipeline {
namespace {

using Table4 = FlowTable<FlowKey4>;
constexpr HashSeed kSeed;

FlowKey4 key(std::uint32_t n) {
  FlowKey4 key;
  key.source = n * 2654435761U;
  key.destination = n;
  key.source_port = static_cast<std::uint16_t>(n);
  key.protocol = 17;
  return key;
}

FlowRecord<FlowKey4>* touch(Table4& table, const FlowKey4& key, std::uint32_t now_s) {
  const std::uint64_t hash = hash_of(key, kSeed);
  FlowRecord<FlowKey4>* record = table.find(key, hash, now_s);
  return record != nullptr ? record : table.insert(key, hash, now_s);
}

std::size_t in_use(const Table4& table) {
  std::size_t count = 0;
  table.for_each([&](const auto&, auto) { ++count; });
  return count;
}

TEST(FlowTable, HoldsItsWholeCapacity) {
  constexpr std::uint32_t kCapacity = 100'000;
  Table4 table(kCapacity, FullPolicy::kRefuse, 60);
  for (std::uint32_t n = 0; n < kCapacity; ++n) ASSERT_NE(touch(table, key(n), 1), nullptr) << n;
  for (std::uint32_t n = 0; n < kCapacity; ++n) {
    const auto* record = table.find(key(n), hash_of(key(n), kSeed), 1);
    ASSERT_NE(record, nullptr) << n;
    ASSERT_EQ(record->key, key(n));
  }
  EXPECT_EQ(table.statistics().entries, kCapacity);
  EXPECT_EQ(in_use(table), kCapacity);
}

TEST(FlowTable, RefusesAndCountsWhenFull) {
  Table4 table(64, FullPolicy::kRefuse, 60);
  for (std::uint32_t n = 0; n < 100; ++n) (void)touch(table, key(n), 1);
  EXPECT_EQ(table.statistics().entries, 64U);
  EXPECT_EQ(table.statistics().refused, 36U);
  EXPECT_EQ(table.statistics().evicted, 0U);
}

TEST(FlowTable, EvictsTheIdlestCandidateWhenFull) {
  Table4 table(64, FullPolicy::kEvictOldest, 1000);
  for (std::uint32_t n = 0; n < 64; ++n) (void)touch(table, key(n), n);
  for (std::uint32_t n = 100; n < 400; ++n) {
    // A candidate may be missing where both buckets of the new key hold nobody.
    const std::uint64_t before = table.statistics().refused;
    const bool inserted = touch(table, key(n), n) != nullptr;
    ASSERT_EQ(inserted, table.statistics().refused == before);
  }
  const auto& statistics = table.statistics();
  EXPECT_EQ(statistics.entries, 64U);
  EXPECT_EQ(statistics.evicted + statistics.refused, 300U);
  EXPECT_GT(statistics.evicted, 250U);
  EXPECT_EQ(in_use(table), 64U);
}

TEST(FlowTable, ForgetsOnlyWhatWasIdleForTheWholeTimeout) {
  Table4 table(1000, FullPolicy::kRefuse, 60);
  for (std::uint32_t n = 0; n < 500; ++n) (void)touch(table, key(n), 100);
  for (std::uint32_t n = 0; n < 250; ++n) (void)touch(table, key(n), 159);
  table.sweep(table.bucket_count(), 159);
  EXPECT_EQ(table.statistics().entries, 500U);
  table.sweep(table.bucket_count(), 160);
  EXPECT_EQ(table.statistics().entries, 250U);
  EXPECT_EQ(table.statistics().expired, 250U);
  for (std::uint32_t n = 0; n < 500; ++n) {
    EXPECT_EQ(table.find(key(n), hash_of(key(n), kSeed), 160) != nullptr, n < 250) << n;
  }
}

TEST(FlowTable, AgesSurviveTheWrapOfTheirSixteenBits) {
  Table4 table(100, FullPolicy::kRefuse, 60);
  (void)touch(table, key(1), 65'530);
  table.sweep(table.bucket_count(), 65'540);
  EXPECT_EQ(table.statistics().entries, 1U);
  table.sweep(table.bucket_count(), 65'590);
  EXPECT_EQ(table.statistics().entries, 0U);
}

TEST(FlowTable, AReusedRecordStartsFromNothing) {
  Table4 table(1, FullPolicy::kEvictOldest, 60);
  auto* record = touch(table, key(1), 1);
  ASSERT_NE(record, nullptr);
  record->reports = 7;
  record->path_changes = 3;
  table.sweep(table.bucket_count(), 100);
  record = touch(table, key(2), 100);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->reports, 0U);
  EXPECT_EQ(record->path_changes, 0U);
  EXPECT_EQ(record->latency_interval, kNoInterval);
}

TEST(FlowTable, AgreesWithAMapUnderRandomUse) {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    std::mt19937 random(seed);
    constexpr std::uint32_t kCapacity = 512;
    constexpr std::uint32_t kTimeout = 20;
    Table4 table(kCapacity, FullPolicy::kRefuse, kTimeout);
    std::map<std::uint32_t, std::uint32_t> last_seen;  // key number -> second
    std::uint32_t now_s = 1;
    for (int step = 0; step < 200'000; ++step) {
      if (step % 500 == 0) {
        ++now_s;
        table.sweep(table.bucket_count(), now_s);
        std::erase_if(last_seen, [&](const auto& e) { return now_s - e.second >= kTimeout; });
      }
      const auto n = static_cast<std::uint32_t>(random() % (step % 100'000 < 50'000 ? 400 : 900));
      const bool known = last_seen.contains(n);
      const std::uint64_t hash = hash_of(key(n), kSeed);
      auto* record = table.find(key(n), hash, now_s);
      ASSERT_EQ(record != nullptr, known) << "step " << step << " seed " << seed;
      if (!known) record = table.insert(key(n), hash, now_s);
      if (!known && last_seen.size() == kCapacity) {
        ASSERT_EQ(record, nullptr);
        continue;
      }
      ASSERT_NE(record, nullptr);
      ASSERT_EQ(record->reports, known ? record->reports : 0);
      ++record->reports;
      last_seen[n] = now_s;
      ASSERT_EQ(table.statistics().entries, last_seen.size());
    }
  }
}

}  // namespace
}  // namespace hopscope::pipeline
