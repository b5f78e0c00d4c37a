// What other processes do: kill this one at any moment, hold the directory, forbid io_uring.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <new>
#include <random>
#include <thread>

#include "base/setup_error.h"
#include "export/sinks/spool/spool.h"
#include "support/spool_bed.h"
#include "support/temporary_directory.h"

namespace hopscope::exporter {
namespace {

using test::append_all;
using test::count_up;
using test::numbers_of;
using test::read_all;

/// Memory that a child's last words stay in.
struct Words {
  std::atomic<std::uint64_t> begin{0};  ///< first number of this child
  std::atomic<std::uint64_t> synced{0};
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> ready{false};
};

class SpoolProcessTest : public testing::TestWithParam<SpoolEngine> {
 protected:
  SpoolProcessTest() {
    options_.directory = directory_.path();
    options_.engine = GetParam();
    void* const memory =
        mmap(nullptr, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    words_ = new (memory) Words;
  }
  ~SpoolProcessTest() override { munmap(words_, sizeof(Words)); }

  template <typename Work>
  static pid_t start(const Work& work) {
    const pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      _exit(work());
    } catch (...) {
      _exit(99);
    }
  }
  static int end_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void wait_until_ready() const {
    while (!words_->ready) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  /// Appends, reads and acknowledges for ever.
  int work_on() {
    Spool spool(options_);
    words_->begin = spool.end();
    words_->ready = true;
    std::vector<Spool::Stored> got;
    std::uint64_t next = spool.first();
    for (std::uint64_t number = spool.end();; ++number) {
      while (test::append(spool, number, 150) == Spool::Append::kNoRoom) spool.tick(now_ns());
      if (number % 20 != 0) continue;
      spool.tick(now_ns());
      words_->synced = spool.synced();
      if (number % 200 != 0) continue;
      got.clear();
      if (spool.read(next, 150, 1 << 20, got) == 0) continue;
      next = got.back().number + 1;
      words_->acknowledged = next;
      spool.acknowledge(next);
    }
  }
  static std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return test::kStart + now.tv_sec * test::kSecond + now.tv_nsec;
  }

  test::TemporaryDirectory directory_;
  SpoolOptions options_;
  Words* words_;
};

TEST_P(SpoolProcessTest, KilledAtAnyMomentItLosesNothingThatWasSynced) {
  options_.segment_bytes = 64 << 10;
  options_.buffer_bytes = 64 << 10;
  options_.sync_interval_s = 0.001;
  std::mt19937 random(4);
  std::uint64_t end = 0;
  std::vector<std::uint64_t> before;
  for (int round = 0; round < 25; ++round) {
    SCOPED_TRACE(round);
    words_->ready = false;
    const pid_t child = start([this] { return work_on(); });
    wait_until_ready();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40'000));
    kill(child, SIGKILL);
    ASSERT_EQ(end_of(child), -SIGKILL);

    Spool spool(options_);
    const auto got = read_all(spool);
    test::expect_right(got, 150);
    ASSERT_GE(spool.end(), end);
    // All that was there before and this child's, without a gap, but for what was acknowledged.
    const std::uint64_t acknowledged = words_->acknowledged;
    std::erase_if(before, [&](std::uint64_t number) { return number < acknowledged; });
    const std::uint64_t begin = std::max<std::uint64_t>(acknowledged, words_->begin);
    auto left = numbers_of(got);
    std::erase_if(left, [&](std::uint64_t number) { return number < acknowledged; });
    const std::uint64_t below = left.empty() ? begin : std::max(begin, left.back() + 1);
    ASSERT_GE(below, words_->synced);
    for (std::uint64_t number = begin; number < below; ++number) before.push_back(number);
    ASSERT_EQ(left, before);
    before = numbers_of(got);
    ASSERT_EQ(spool.counters().corrupt_bytes, 0U);
    end = spool.end();
  }
  EXPECT_GT(words_->synced, 0U);
  EXPECT_GT(words_->acknowledged, 0U);
}

TEST_P(SpoolProcessTest, AnotherProcessHasTheDirectory) {
  const pid_t child = start([this] {
    Spool spool(options_);
    words_->ready = true;
    while (true) pause();
    return 0;
  });
  wait_until_ready();
  try {
    Spool spool(options_);
    ADD_FAILURE() << "two spools in one directory";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find(options_.directory), std::string::npos);
  }
  kill(child, SIGKILL);
  EXPECT_EQ(end_of(child), -SIGKILL);
  Spool spool(options_);
  append_all(spool, 0, 10);
}

/// From now on io_uring_setup fails with EPERM, as in many containers.
bool forbid_io_uring() {
  std::array<sock_filter, 4> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_P(SpoolProcessTest, WithoutIoUringAThreadWrites) {
  options_.engine = SpoolEngine::kAuto;
  const pid_t child = start([this] {
    if (!forbid_io_uring()) return 77;
    Spool spool(options_);
    if (spool.engine() != "thread (io_uring: Operation not permitted)") return 1;
    append_all(spool, 0, 1000, 100);
    if (read_all(spool).size() != 1000) return 2;
    return spool.flush() && spool.counters().written_records == 1000 ? 0 : 3;
  });
  const int status = end_of(child);
  if (status == 77) GTEST_SKIP() << "no seccomp filters";
  ASSERT_EQ(status, 0);
  Spool spool(options_);
  EXPECT_EQ(numbers_of(read_all(spool)), count_up(0, 1000));
}

INSTANTIATE_TEST_SUITE_P(Engines, SpoolProcessTest,
                         testing::Values(SpoolEngine::kAuto, SpoolEngine::kThread),
                         [](const auto& tested) {
                           return tested.param == SpoolEngine::kAuto ? "uring" : "thread";
                         });

}  // namespace
}  // namespace hopscope::exporter
