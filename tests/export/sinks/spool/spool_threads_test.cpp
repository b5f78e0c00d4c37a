// One thread appends, one reads and acknowledges, one asks: nothing is lost between them, nothing
// comes twice, and the counts add up.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "export/sinks/spool/spool.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::kStart;

constexpr std::uint64_t kRecords = 60'000;

class SpoolThreadsTest : public testing::TestWithParam<SpoolEngine> {
 protected:
  SpoolThreadsTest() {
    options_.directory = directory_.path();
    options_.engine = GetParam();
    options_.segment_bytes = 64 << 10;
    options_.buffer_bytes = 32 << 10;
    options_.sync_interval_s = 0.002;
  }

  void run() {
    Spool spool(options_);
    std::atomic<bool> writing{true};
    std::atomic<bool> reading{true};
    std::uint64_t taken = 0;
    std::uint64_t lost = 0;
    std::thread writer([&] {
      std::int64_t now = kStart;
      while (taken < kRecords) {
        const auto result = test::append(spool, taken, 100);
        if (result == Spool::Append::kTaken) ++taken;
        if (result == Spool::Append::kNoRoom || taken % 16 == 0) {
          lost += spool.tick(now += 100'000).for_size;
          if (result == Spool::Append::kNoRoom) std::this_thread::yield();
        }
      }
      while (spool.unwritten() > 0) lost += spool.tick(now += 100'000).for_size;
      writing = false;
      // It goes on, for deleting is its work too.
      while (reading) {
        lost += spool.tick(now += 1'000'000).for_size;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
    std::thread asking([&] {
      while (reading) {
        EXPECT_LE(spool.first(), kRecords);
        EXPECT_LE(spool.records(), kRecords);
        EXPECT_LE(spool.synced(), kRecords);
        EXPECT_FALSE(spool.is_failing()) << spool.failure();
        (void)spool.counters();
        (void)spool.bytes();
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    });
    while (spool.end() < read_from_) std::this_thread::yield();
    std::uint64_t next = 0;
    std::uint64_t got = 0;
    std::vector<Spool::Stored> records;
    while (true) {
      const bool last_round = !writing;
      records.clear();
      if (spool.read(next, 200, 16 << 10, records) == 0) {
        if (last_round) break;
        std::this_thread::yield();
        continue;
      }
      EXPECT_GE(records.front().number, next);
      test::expect_right(records, 100);
      got += records.size();
      next = records.back().number + 1;
      if (got % 7 < 3) spool.acknowledge(next);
    }
    reading = false;
    writer.join();
    asking.join();
    EXPECT_EQ(got + lost, kRecords);
    EXPECT_EQ(spool.counters().corrupt_records, 0U);
    EXPECT_EQ(spool.end(), kRecords);
    lost_ = lost;
  }

  test::TemporaryDirectory directory_;
  SpoolOptions options_;
  std::uint64_t read_from_ = 0;  ///< reading begins when so many were appended
  std::uint64_t lost_ = 0;
};

TEST_P(SpoolThreadsTest, AllArrives) {
  run();
  EXPECT_EQ(lost_, 0U);
}

TEST_P(SpoolThreadsTest, WhatTheCapTookIsCountedOnce) {
  // So little that reading is overtaken all the time.
  options_.max_bytes = 16 << 10;
  read_from_ = kRecords / 10;
  run();
  EXPECT_GT(lost_, 0U);
}

INSTANTIATE_TEST_SUITE_P(Engines, SpoolThreadsTest,
                         testing::Values(SpoolEngine::kAuto, SpoolEngine::kThread),
                         [](const auto& tested) {
                           return tested.param == SpoolEngine::kAuto ? "uring" : "thread";
                         });

}  // namespace
}  // namespace hopscope::exporter
