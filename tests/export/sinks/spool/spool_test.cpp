#include "export/sinks/spool/spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "base/setup_error.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::append_all;
using test::count_up;
using test::kSecond;
using test::kStart;
using test::numbers_of;
using test::read_all;
using test::tick_until;
using test::tick_until_written;

class SpoolTest : public testing::TestWithParam<SpoolEngine> {
 protected:
  SpoolTest() {
    options_.directory = directory_.path() + "/sinks/one";
    options_.engine = GetParam();
  }

  void open() {
    spool_.reset();
    spool_ = std::make_unique<Spool>(options_);
  }
  /// As a service that is stopped and started.
  void restart() {
    EXPECT_TRUE(spool_->flush()) << spool_->failure();
    open();
  }

  test::TemporaryDirectory directory_;
  SpoolOptions options_;
  std::unique_ptr<Spool> spool_;
};

TEST_P(SpoolTest, GivesBackWhatWasAppendedInOrder) {
  open();
  EXPECT_EQ(spool_->engine().starts_with("io_uring"), GetParam() == SpoolEngine::kAuto)
      << spool_->engine();
  append_all(*spool_, 0, 5000, 200);
  const auto from_memory = read_all(*spool_);
  EXPECT_EQ(numbers_of(from_memory), count_up(0, 5000));
  test::expect_right(from_memory, 200);
  tick_until_written(*spool_);
  const auto from_disk = read_all(*spool_);
  EXPECT_EQ(numbers_of(from_disk), count_up(0, 5000));
  test::expect_right(from_disk, 200);
  EXPECT_EQ(spool_->records(), 5000U);
  EXPECT_EQ(spool_->counters().written_records, 5000U);
  EXPECT_EQ(numbers_of(read_all(*spool_, 4321)), count_up(4321, 5000));
  EXPECT_EQ(numbers_of(read_all(*spool_, 17)), count_up(17, 5000));
}

TEST_P(SpoolTest, ReadsNoMoreThanAskedFor) {
  open();
  append_all(*spool_, 10, 20, 100);
  for (int round = 0; round < 2; ++round) {  // out of memory, then from the disk
    std::vector<Spool::Stored> got;
    EXPECT_EQ(spool_->read(0, 3, 1 << 20, got), 3U);
    EXPECT_EQ(spool_->read(13, 100, 250, got), 2U);
    EXPECT_EQ(spool_->read(15, 100, 1, got), 1U);  // one always
    EXPECT_EQ(spool_->read(16, 0, 1000, got), 0U);
    EXPECT_EQ(spool_->read(20, 100, 1000, got), 0U);
    EXPECT_EQ(numbers_of(got), count_up(10, 16));
    tick_until_written(*spool_);
  }
}

TEST_P(SpoolTest, NumbersAscendAndMayHaveGaps) {
  open();
  EXPECT_EQ(test::append(*spool_, 5), Spool::Append::kTaken);
  EXPECT_EQ(test::append(*spool_, 9), Spool::Append::kTaken);
  EXPECT_EQ(test::append(*spool_, 9), Spool::Append::kOutOfOrder);
  EXPECT_EQ(test::append(*spool_, 3), Spool::Append::kOutOfOrder);
  EXPECT_EQ(test::append(*spool_, UINT64_MAX), Spool::Append::kOutOfOrder);
  EXPECT_EQ(test::append(*spool_, 1'000'000), Spool::Append::kTaken);
  EXPECT_EQ(spool_->first(), 5U);
  EXPECT_EQ(spool_->end(), 1'000'001U);
  EXPECT_EQ(spool_->records(), 3U);
  restart();
  EXPECT_EQ(numbers_of(read_all(*spool_)), (std::vector<std::uint64_t>{5, 9, 1'000'000}));
  spool_->acknowledge(7);
  EXPECT_EQ(spool_->first(), 9U);
  EXPECT_EQ(spool_->records(), 2U);
}

TEST_P(SpoolTest, EmptyAndLongRecords) {
  options_.buffer_bytes = 64 << 10;
  open();
  EXPECT_EQ(spool_->append(0, "", 1), Spool::Append::kTaken);
  EXPECT_EQ(spool_->append(1, std::string(spool_->longest_record(), 'x'), -2),
            Spool::Append::kTaken);
  EXPECT_EQ(spool_->append(2, std::string(spool_->longest_record() + 1, 'x'), 3),
            Spool::Append::kTooLarge);
  EXPECT_EQ(spool_->end(), 2U);
  restart();
  const auto got = read_all(*spool_);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].record, "");
  EXPECT_EQ(got[1].record, std::string(spool_->longest_record(), 'x'));
  EXPECT_EQ(got[1].time_ns, -2);
}

TEST_P(SpoolTest, ARestartGoesOnWhereItWas) {
  options_.segment_bytes = 4096;
  open();
  append_all(*spool_, 0, 300, 100);
  restart();
  EXPECT_EQ(spool_->counters().recovered_records, 300U);
  EXPECT_EQ(spool_->records(), 300U);
  EXPECT_EQ(spool_->end(), 300U);
  append_all(*spool_, 300, 400, 100);
  const auto got = read_all(*spool_);
  EXPECT_EQ(numbers_of(got), count_up(0, 400));
  test::expect_right(got, 100);
  spool_->acknowledge(123);
  restart();
  EXPECT_EQ(spool_->first(), 123U);
  EXPECT_EQ(spool_->records(), 277U);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(123, 400));
  EXPECT_EQ(spool_->counters().torn_bytes, 0U);
  EXPECT_EQ(spool_->counters().corrupt_bytes, 0U);
}

TEST_P(SpoolTest, NumbersGoOnWhenAllWasDelivered) {
  open();
  append_all(*spool_, 0, 50);
  tick_until_written(*spool_);
  spool_->acknowledge(50);
  EXPECT_EQ(spool_->first(), 50U);
  EXPECT_EQ(spool_->records(), 0U);
  restart();
  EXPECT_EQ(spool_->end(), 50U);
  EXPECT_EQ(spool_->first(), 50U);
  EXPECT_EQ(spool_->records(), 0U);
  EXPECT_TRUE(read_all(*spool_).empty());
}

TEST_P(SpoolTest, WhatWasDeliveredBeforeItWasWrittenIsNotWritten) {
  options_.buffer_bytes = 128 << 10;
  open();
  append_all(*spool_, 0, 100, 100);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, 100));
  spool_->acknowledge(90);
  tick_until_written(*spool_);
  EXPECT_EQ(spool_->counters().written_records, 10U);
  restart();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(90, 100));
}

TEST_P(SpoolTest, DeliveredSegmentsGo) {
  options_.segment_bytes = 4096;
  open();
  append_all(*spool_, 0, 400, 100);
  tick_until_written(*spool_);
  const std::size_t before = test::segments_in(options_.directory).size();
  EXPECT_GE(before, 10U);
  spool_->acknowledge(200);
  std::int64_t now = kStart;
  tick_until(*spool_, [&] {
    now += kSecond;
    spool_->tick(now);
    return test::segments_in(options_.directory).size() <= before / 2 + 1;
  });
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(200, 400));
  spool_->acknowledge(400);
  // The one that was written last goes too when nothing more comes.
  tick_until(*spool_, [&] {
    now += kSecond;
    spool_->tick(now);
    return test::segments_in(options_.directory).empty();
  });
  EXPECT_EQ(spool_->bytes(), 0U);
  append_all(*spool_, 400, 410, 100);
  restart();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(400, 410));
}

/// Whether a file that was removed is open: its room does not come back.
bool holds_removed_file(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error).string();
    if (target.starts_with(directory) && target.ends_with("(deleted)")) return true;
  }
  return false;
}

TEST_P(SpoolTest, DeliveredSegmentsThatWereReadGiveTheirRoomBack) {
  options_.segment_bytes = 4096;
  open();
  append_all(*spool_, 0, 400, 100);
  tick_until_written(*spool_);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, 400));
  spool_->acknowledge(400);
  std::int64_t now = kStart;
  tick_until(*spool_, [&] {
    now += kSecond;
    spool_->tick(now);
    return test::segments_in(options_.directory).empty();
  });
  EXPECT_FALSE(holds_removed_file(options_.directory));
  append_all(*spool_, 400, 410, 100);
  tick_until_written(*spool_);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(400, 410));
}

TEST_P(SpoolTest, TheSizeCapTakesTheOldestAndCountsThem) {
  options_.max_bytes = 64 << 10;
  options_.segment_bytes = 8 << 10;
  options_.buffer_bytes = 16 << 10;
  open();
  std::uint64_t lost = 0;
  for (std::uint64_t number = 0; number < 3000; ++number) {
    append_all(*spool_, number, number + 1, 100);
    if (number % 50 == 49) lost += tick_until_written(*spool_).for_size;
    ASSERT_LE(spool_->bytes(), options_.max_bytes + options_.buffer_bytes);
  }
  const Spool::Removed removed = tick_until_written(*spool_);
  lost += removed.for_size;
  EXPECT_GT(lost, 2000U);
  EXPECT_EQ(spool_->records(), 3000 - lost);
  EXPECT_EQ(spool_->first(), lost);
  EXPECT_EQ(removed.below, lost);
  EXPECT_GT(spool_->bytes(), options_.max_bytes / 2);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(lost, 3000));
  EXPECT_TRUE(spool_->flush());
  std::uint64_t on_disk = 0;
  for (const auto& path : test::segments_in(options_.directory)) {
    on_disk += std::filesystem::file_size(path);
  }
  EXPECT_EQ(on_disk, spool_->bytes());
  EXPECT_LE(on_disk, options_.max_bytes);
}

TEST_P(SpoolTest, WhatWasReadBackOrDeliveredIsNotLostByTheCap) {
  options_.max_bytes = 64 << 10;
  options_.segment_bytes = 8 << 10;
  open();
  append_all(*spool_, 0, 300, 100);
  std::uint64_t lost = tick_until_written(*spool_).for_size;
  ASSERT_EQ(lost, 0U);
  spool_->acknowledge(40);
  std::vector<Spool::Stored> held;
  ASSERT_EQ(spool_->read(0, 60, 1 << 20, held), 60U);
  append_all(*spool_, 300, 3000, 100);
  lost = tick_until_written(*spool_).for_size;
  EXPECT_EQ(lost, spool_->first() - 100);
  EXPECT_EQ(spool_->records(), 3000 - spool_->first());
}

TEST_P(SpoolTest, ASmallerCapHoldsAtOnceAfterARestart) {
  options_.segment_bytes = 8 << 10;
  open();
  append_all(*spool_, 0, 1000, 100);
  EXPECT_TRUE(spool_->flush());
  options_.max_bytes = 40 << 10;
  open();
  const std::uint64_t lost = spool_->tick(kStart).for_size;
  EXPECT_GT(lost, 500U);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(lost, 1000));
  EXPECT_LE(spool_->bytes(), options_.max_bytes);
}

TEST_P(SpoolTest, TheAgeCapTakesWhatIsTooOldAndCountsIt) {
  options_.max_age_s = 100;
  options_.segment_bytes = 4096;
  open();
  // One record a second; a segment spans a quarter of the age at most.
  std::uint64_t lost = 0;
  for (std::uint64_t number = 0; number < 300; ++number) {
    const std::int64_t now = kStart + static_cast<std::int64_t>(number) * kSecond;
    ASSERT_EQ(spool_->append(number, test::record_text(number), now), Spool::Append::kTaken);
    lost += tick_until_written(*spool_, now).for_age;
  }
  EXPECT_GE(lost, 300U - 100 - 26);
  EXPECT_LE(lost, 300U - 100);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(lost, 300));
  // Nothing new comes: the last ones go too.
  std::vector<std::uint64_t> read_back = numbers_of(read_all(*spool_));
  const Spool::Removed removed = tick_until(
      *spool_, [&] { return spool_->records() == 0; }, kStart + 1000 * kSecond);
  EXPECT_EQ(removed.for_age, 0U);  // all of them had been read back
  EXPECT_EQ(removed.below, 300U);
  restart();
  EXPECT_EQ(spool_->end(), 300U);
  EXPECT_EQ(spool_->records(), 0U);
}

TEST_P(SpoolTest, SyncsWhenItIsTime) {
  options_.sync_interval_s = 5;
  open();
  append_all(*spool_, 0, 1, 10);
  tick_until_written(*spool_);
  // Two: data and the name in the directory.
  const auto synced = [this] { return spool_->synced(); };
  tick_until(
      *spool_, [&] { return synced() == 1; }, kStart + 6 * kSecond);
  append_all(*spool_, 1, 2, 10);
  tick_until_written(*spool_, kStart + 7 * kSecond);
  for (int i = 0; i < 100; ++i) spool_->tick(kStart + 10 * kSecond);
  EXPECT_EQ(synced(), 1U);
  tick_until(
      *spool_, [&] { return synced() == 2; }, kStart + 11 * kSecond);
  const std::uint64_t syncs = spool_->counters().syncs;
  for (int i = 20; i < 100; ++i) spool_->tick(kStart + i * kSecond);
  EXPECT_EQ(spool_->counters().syncs, syncs) << "nothing new, nothing to sync";
  // A clock that is set back stops nothing.
  append_all(*spool_, 2, 3, 10);
  tick_until_written(*spool_, kStart - 1000 * kSecond);
  tick_until(
      *spool_, [&] { return synced() == 3; }, kStart - 994 * kSecond);
}

TEST_P(SpoolTest, WithoutFlushOnlyWhatWasWrittenIsThere) {
  open();
  append_all(*spool_, 0, 10);
  tick_until_written(*spool_);
  append_all(*spool_, 10, 20);
  EXPECT_EQ(spool_->unwritten(), 10U);
  open();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, 10));
}

TEST_P(SpoolTest, FilesAreForTheOwnerOnly) {
  open();
  append_all(*spool_, 0, 10);
  spool_->acknowledge(5);
  EXPECT_TRUE(spool_->flush());
  struct stat state {};
  ASSERT_EQ(stat(options_.directory.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777, 0700U);
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory)) {
    ASSERT_EQ(stat(entry.path().c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST_P(SpoolTest, OtherFilesAreLeftAlone) {
  open();
  const std::string other = options_.directory + "/notes.txt";
  test::set_content(other, "mine");
  append_all(*spool_, 0, 10);
  restart();
  EXPECT_EQ(test::content_of(other), "mine");
}

TEST_P(SpoolTest, OneSpoolADirectory) {
  open();
  EXPECT_THROW(Spool second(options_), SetupError);
  spool_.reset();
  open();
}

TEST_P(SpoolTest, WhatCannotBeOpenedIsSaid) {
  test::set_content(directory_.path() + "/file", "");
  options_.directory = directory_.path() + "/file/spool";
  EXPECT_THROW(open(), SetupError);
  options_.directory = directory_.path() + "/file";
  EXPECT_THROW(open(), SetupError);
  options_.directory = "";
  EXPECT_THROW(open(), SetupError);
}

INSTANTIATE_TEST_SUITE_P(Engines, SpoolTest,
                         testing::Values(SpoolEngine::kAuto, SpoolEngine::kThread),
                         [](const auto& tested) {
                           return tested.param == SpoolEngine::kAuto ? "uring" : "thread";
                         });

}  // namespace
}  // namespace hopscope::exporter
