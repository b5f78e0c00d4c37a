// Disks that refuse or stall, real ones: small, read-only, frozen and broken file systems in a
// mount namespace of the test's own. Needs root for all but the limit of a file's size.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "export/sinks/spool/spool.h"
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

class SpoolDiskTest : public testing::TestWithParam<SpoolEngine> {
 protected:
  SpoolDiskTest() {
    options_.engine = GetParam();
    options_.segment_bytes = 64 << 10;
    options_.buffer_bytes = 64 << 10;
    disk_ = directory_.path() + "/disk";
    std::filesystem::create_directory(disk_);
    options_.directory = disk_ + "/spool";
  }
  ~SpoolDiskTest() override {
    spool_.reset();
    for (int i = 0; i < mounts_; ++i) umount2(disk_.c_str(), MNT_DETACH);
  }

  void open() {
    spool_.reset();
    spool_ = std::make_unique<Spool>(options_);
  }

  /// Mounts of this process are seen by no other one. False: not allowed.
  static bool leave_mounts() {
    static const bool left = unshare(CLONE_NEWNS) == 0 &&
                             mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return left;
  }
  [[nodiscard]] bool mount_tmpfs(const char* how) {
    if (!leave_mounts() || mount("none", disk_.c_str(), "tmpfs", 0, how) != 0) return false;
    ++mounts_;
    return true;
  }
  [[nodiscard]] bool mount_ext4() {
    const std::string image = directory_.path() + "/image";
    std::ofstream(image).close();
    std::filesystem::resize_file(image, 32 << 20);
    return leave_mounts() && std::system(("mkfs.ext4 -q " + image + " 2>/dev/null").c_str()) == 0 &&
           mount_image();
  }
  [[nodiscard]] bool mount_image() {
    const std::string command =
        "mount -o loop " + directory_.path() + "/image " + disk_ + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) return false;
    ++mounts_;
    return true;
  }
  /// The file system stops at once and forgets what it has not brought to the disk: what a power
  /// loss does, or an error that it cannot mend. False: it cannot.
  [[nodiscard]] bool shut_down() const {
    const int disk = ::open(disk_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    std::uint32_t without_log = 2;
    const int done = ioctl(disk, _IOR('X', 125, std::uint32_t), &without_log);
    close(disk);
    return done == 0;
  }

  /// Appends from end() on until the disk refuses or `below` is reached.
  void append_until_failing(std::uint64_t below) {
    while (spool_->end() < below) {
      switch (test::append(*spool_, spool_->end(), 200)) {
        case Spool::Append::kTaken:
          break;
        case Spool::Append::kFailing:
          return;
        default:
          spool_->tick(now_);
      }
    }
    tick_until(
        *spool_, [this] { return spool_->is_failing() || spool_->unwritten() == 0; }, now_);
  }
  /// The pause before the next attempt is over.
  void pass_time() { now_ += 2 * kSecond; }

  test::TemporaryDirectory directory_;
  std::string disk_;
  SpoolOptions options_;
  std::int64_t now_ = kStart;
  int mounts_ = 0;
  std::uint64_t begin_ = 0;  ///< numbers below were appended before the last power loss
  std::unique_ptr<Spool> spool_;
};

TEST_P(SpoolDiskTest, AFullDiskRefusesUntilThereIsSpace) {
  if (!mount_tmpfs("size=1m")) GTEST_SKIP() << "cannot mount a tmpfs (needs CAP_SYS_ADMIN)";
  std::ofstream(disk_ + "/filler") << std::string(300 << 10, 'x');
  open();
  append_until_failing(20'000);
  ASSERT_TRUE(spool_->is_failing());
  EXPECT_NE(spool_->failure().find("No space left on device"), std::string::npos)
      << spool_->failure();
  EXPECT_NE(spool_->failure().find(options_.directory), std::string::npos);
  EXPECT_GT(spool_->counters().write_errors, 0U);
  const std::uint64_t taken = spool_->end();
  EXPECT_LT(taken, 10'000U);
  EXPECT_EQ(test::append(*spool_, taken, 200), Spool::Append::kFailing);
  EXPECT_EQ(spool_->end(), taken);
  // All of it can be delivered meanwhile, what did not fit on the disk too.
  EXPECT_GT(spool_->unwritten(), 0U);
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, taken));
  EXPECT_FALSE(spool_->flush());
  // It tries again by itself, in vain.
  const std::uint64_t errors = spool_->counters().write_errors;
  pass_time();
  tick_until(
      *spool_, [&] { return spool_->counters().write_errors > errors; }, now_);
  EXPECT_TRUE(spool_->is_failing());

  std::filesystem::remove(disk_ + "/filler");
  pass_time();
  tick_until(
      *spool_, [this] { return spool_->unwritten() == 0; }, now_);
  EXPECT_FALSE(spool_->is_failing());
  EXPECT_EQ(spool_->failure(), "");
  append_all(*spool_, taken, taken + 100, 200);
  EXPECT_TRUE(spool_->flush());
  open();
  const auto got = read_all(*spool_);
  EXPECT_EQ(numbers_of(got), count_up(0, taken + 100));
  test::expect_right(got, 200);
  EXPECT_EQ(spool_->counters().corrupt_bytes, 0U);
  EXPECT_LT(spool_->counters().torn_bytes, 300U) << "the part of a record that did fit";
}

TEST_P(SpoolDiskTest, DeliveringFreesAFullDisk) {
  if (!mount_tmpfs("size=1m")) GTEST_SKIP() << "cannot mount a tmpfs (needs CAP_SYS_ADMIN)";
  open();
  append_until_failing(20'000);
  ASSERT_TRUE(spool_->is_failing());
  const std::uint64_t taken = spool_->end();
  spool_->acknowledge(taken / 2);
  tick_until(*spool_, [this] {
    pass_time();
    spool_->tick(now_);
    return spool_->unwritten() == 0;
  });
  EXPECT_FALSE(spool_->is_failing());
  EXPECT_TRUE(spool_->flush());
  open();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(taken / 2, taken));
}

TEST_P(SpoolDiskTest, EverythingDeliveredWhileItFailsLeavesNothing) {
  if (!mount_tmpfs("size=512k")) GTEST_SKIP() << "cannot mount a tmpfs (needs CAP_SYS_ADMIN)";
  open();
  append_until_failing(20'000);
  ASSERT_TRUE(spool_->is_failing());
  std::ofstream(disk_ + "/filler") << std::string(512 << 10, 'x');  // whatever becomes free
  spool_->acknowledge(spool_->end());
  tick_until(*spool_, [this] {
    pass_time();
    spool_->tick(now_);
    return !spool_->is_failing();
  });
  EXPECT_EQ(spool_->records(), 0U);
  EXPECT_EQ(spool_->unwritten(), 0U);
}

TEST_P(SpoolDiskTest, AReadOnlyDiskRefusesAndGivesWhatItHas) {
  if (!mount_tmpfs("size=1m")) GTEST_SKIP() << "cannot mount a tmpfs (needs CAP_SYS_ADMIN)";
  open();
  append_all(*spool_, 0, 100, 200);
  ASSERT_TRUE(spool_->flush());
  spool_.reset();
  ASSERT_EQ(mount(nullptr, disk_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  open();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, 100));
  append_until_failing(200);
  ASSERT_TRUE(spool_->is_failing());
  EXPECT_NE(spool_->failure().find("Read-only file system"), std::string::npos)
      << spool_->failure();
  const std::uint64_t taken = spool_->end();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, taken));
  spool_->acknowledge(50);
  tick_until(*spool_, [&, last = spool_->counters().write_errors] {
    pass_time();
    spool_->tick(now_);
    return spool_->counters().write_errors > last + 2;
  });
  EXPECT_EQ(spool_->first(), 50U);

  ASSERT_EQ(mount(nullptr, disk_.c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  tick_until(*spool_, [&] {
    pass_time();
    spool_->tick(now_);
    return spool_->unwritten() == 0;
  });
  EXPECT_FALSE(spool_->is_failing());
  append_all(*spool_, taken, taken + 10, 200);
  EXPECT_TRUE(spool_->flush());
  open();
  EXPECT_EQ(numbers_of(read_all(*spool_, 50)), count_up(50, taken + 10));
}

TEST_P(SpoolDiskTest, AFileThatMayNotGrowIsFollowedByAnother) {
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // SIGXFSZ, which would end the process, must not reach it.
    const rlimit limit{.rlim_cur = 20'001, .rlim_max = 20'001};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    open();
    for (std::uint64_t number = 0; number < 1000;) {
      const auto result = test::append(*spool_, number, 200);
      if (result == Spool::Append::kTaken) {
        ++number;
      } else {
        pass_time();
        spool_->tick(now_);
      }
    }
    tick_until(*spool_, [this] {
      pass_time();
      spool_->tick(now_);
      return spool_->unwritten() == 0;
    });
    if (spool_->counters().write_errors < 5) _exit(2);
    if (read_all(*spool_).size() != 1000) _exit(3);
    _exit(spool_->flush() ? 0 : 4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  open();
  const auto got = read_all(*spool_);
  EXPECT_EQ(numbers_of(got), count_up(0, 1000));
  test::expect_right(got, 200);
  EXPECT_EQ(spool_->counters().corrupt_bytes, 0U);
}

/// Freezes a file system, and thaws it in the end whatever becomes of the test: a process with a
/// write on a frozen one cannot even be killed.
class Freeze {
 public:
  explicit Freeze(const std::string& disk)
      : disk_(::open(disk.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (pipe(pipe_) != 0) return;
    guardian_ = fork();
    if (guardian_ == 0) {
      close(pipe_[1]);
      char byte = 0;
      (void)!read(pipe_[0], &byte, 1);  // ends when the test does
      ioctl(disk_, FITHAW, 0);
      _exit(0);
    }
    is_frozen_ = ioctl(disk_, FIFREEZE, 0) == 0;
  }
  Freeze(const Freeze&) = delete;
  Freeze& operator=(const Freeze&) = delete;
  ~Freeze() {
    close(pipe_[1]);
    close(pipe_[0]);
    if (guardian_ > 0) waitpid(guardian_, nullptr, 0);
    close(disk_);
  }
  [[nodiscard]] bool is_frozen() const noexcept { return is_frozen_; }

 private:
  int disk_;
  int pipe_[2] = {-1, -1};
  pid_t guardian_ = -1;
  bool is_frozen_ = false;
};

TEST_P(SpoolDiskTest, AStalledDiskMakesNobodyWait) {
  if (!mount_ext4()) GTEST_SKIP() << "cannot mount ext4 on a loop device (needs CAP_SYS_ADMIN)";
  open();
  append_all(*spool_, 0, 1000, 200);
  test::tick_until_written(*spool_);
  std::uint64_t taken = 1000;
  {
    const Freeze freeze(disk_);
    if (!freeze.is_frozen()) GTEST_SKIP() << "cannot freeze a file system";
    // Whatever waits for the disk here waits for ever.
    std::uint64_t refused = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto result = test::append(*spool_, taken, 200);
      if (result == Spool::Append::kTaken) ++taken;
      if (result == Spool::Append::kNoRoom) ++refused;
      if (i % 10 == 0) spool_->tick(now_ += 10'000'000);
    }
    EXPECT_GT(refused, 10'000U);
    EXPECT_GT(spool_->unwritten(), 100U);
    EXPECT_FALSE(spool_->is_failing()) << "slow is not broken";
    EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(0, taken));
    spool_->acknowledge(500);
    spool_->tick(now_ += kSecond);
    EXPECT_EQ(spool_->first(), 500U);
  }
  tick_until(
      *spool_, [this] { return spool_->unwritten() == 0; }, now_);
  append_all(*spool_, taken, taken + 10, 200);
  EXPECT_TRUE(spool_->flush());
  open();
  EXPECT_EQ(numbers_of(read_all(*spool_)), count_up(500, taken + 10));
}

TEST_P(SpoolDiskTest, ABrokenDiskIsSaidAndWhatIsInMemoryStays) {
  if (!mount_ext4()) GTEST_SKIP() << "cannot mount ext4 on a loop device (needs CAP_SYS_ADMIN)";
  open();
  append_all(*spool_, 0, 100, 200);
  ASSERT_TRUE(spool_->flush());
  append_all(*spool_, 100, 200, 200);
  if (!shut_down()) GTEST_SKIP() << "cannot shut a file system down";
  tick_until(
      *spool_, [this] { return spool_->is_failing(); }, now_);
  EXPECT_NE(spool_->failure(), "");
  EXPECT_EQ(test::append(*spool_, 200, 200), Spool::Append::kFailing);
  EXPECT_EQ(numbers_of(read_all(*spool_, 100)), count_up(100, 200));
  for (int i = 0; i < 50; ++i) {
    pass_time();
    spool_->tick(now_);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(spool_->is_failing());
  EXPECT_FALSE(spool_->flush());
  EXPECT_EQ(spool_->unwritten(), 100U);
}

TEST_P(SpoolDiskTest, AfterAPowerLossAllThatWasSyncedIsThere) {
  if (!mount_ext4()) GTEST_SKIP() << "cannot mount ext4 on a loop device (needs CAP_SYS_ADMIN)";
  options_.sync_interval_s = 0.01;
  options_.max_bytes = 4 << 20;
  std::mt19937 random(5);
  std::uint64_t acknowledged = 0;
  std::uint64_t unsynced = 0;
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    open();
    for (auto count = 500 + random() % 1500; count > 0; --count) {
      while (test::append(*spool_, spool_->end(), 200) == Spool::Append::kNoRoom) {
        spool_->tick(now_ += 1'000'000);
      }
      if (count % 50 == 0) spool_->tick(now_ += 5'000'000);
      if (count % 400 == 0 && spool_->end() > 300) {
        acknowledged = std::max(acknowledged, spool_->end() - 300);
        spool_->acknowledge(acknowledged);
      }
    }
    const std::uint64_t synced = spool_->synced();
    unsynced += spool_->end() - synced;
    if (!shut_down()) GTEST_SKIP() << "cannot shut a file system down";
    spool_.reset();
    ASSERT_EQ(umount(disk_.c_str()), 0);
    --mounts_;
    ASSERT_TRUE(mount_image());

    open();
    // What was acknowledged before it was written never was.
    EXPECT_GE(std::max(spool_->end(), acknowledged), synced);
    const auto got = read_all(*spool_, acknowledged);
    test::expect_right(got, 200);
    const auto numbers = numbers_of(got);
    const auto missing = [&](std::uint64_t number) {
      return !std::binary_search(numbers.begin(), numbers.end(), number);
    };
    for (std::uint64_t number = std::max(acknowledged, begin_); number < synced; ++number) {
      ASSERT_FALSE(missing(number)) << number << " was synced";
    }
    begin_ = spool_->end();
  }
  EXPECT_GT(unsynced, 0U) << "nothing was at stake";
}

INSTANTIATE_TEST_SUITE_P(Engines, SpoolDiskTest,
                         testing::Values(SpoolEngine::kAuto, SpoolEngine::kThread),
                         [](const auto& tested) {
                           return tested.param == SpoolEngine::kAuto ? "uring" : "thread";
                         });

}  // namespace
}  // namespace hopscope::exporter
