// Workers on their own threads make no system call while frames keep coming: not for new flows,
// events, frames that they lend each other, or full tables. Counted by the kernel.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

#include "app/generate/traffic.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"
#include "support/syscall_guard.h"

namespace hopscope::app {
namespace {

using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;
using test::SyscallCount;

constexpr int kRounds = 4;

/// What the child tells; in memory that it shares with its parent.
struct Outcome {
  SyscallCount counted;
  std::atomic<bool> has_filters{true};
  std::atomic<unsigned> ended{0};  ///< sources that have nothing left
  std::uint64_t frames = 0;
  std::uint64_t events = 0;
  std::uint64_t evicted = 0;
};

/// Counts from its first to its last batch, on the thread that asks for frames.
class CountingSource final : public io::FrameSource {
 public:
  CountingSource(std::vector<test::MemorySource::Item> items, Outcome& outcome, bool calls)
      : frames_(std::move(items)), outcome_(outcome), calls_(calls) {}

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    if (!started_) {
      started_ = true;
      if (!count_syscalls_of_this_thread(outcome_.counted)) outcome_.has_filters = false;
    }
    std::size_t count = frames_.receive(batch);
    if (count == 0 && ++rounds_ < kRounds) {
      frames_.rewind();
      count = frames_.receive(batch);
    }
    if (count == 0 && rounds_ == kRounds) {
      if (calls_) (void)getppid();
      outcome_.ended.fetch_add(1);
    }
    return count;
  }
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    frames_.release(handles, count);
  }
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return rounds_ >= kRounds; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return frames_.capacity(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override { return frames_.description(); }

 private:
  test::MemorySource frames_;
  Outcome& outcome_;
  const bool calls_;
  bool started_ = false;
  int rounds_ = 0;
};

std::vector<test::MemorySource::Item> frames() {
  TrafficOptions options;
  options.flows = 3'000;
  options.congestion = 0.2;
  options.path_changes = 0.01;
  options.ipv6 = 0.2;
  options.malformed = 0.02;
  options.drops = 0.02;
  TrafficModel traffic(options);
  std::vector<test::MemorySource::Item> items;
  for (int i = 0; i < 20'000; ++i) {
    traffic.next();
    const auto bytes = traffic.frame().bytes();
    items.push_back({.bytes = {bytes.begin(), bytes.end()},
                     .time_ns = static_cast<std::int64_t>(traffic.record().time_ns)});
  }
  return items;
}

/// In a child process, which ends with _exit: its workers cannot end.
[[noreturn]] void run_child(Outcome& outcome, unsigned workers, bool calls) {
  std::vector<std::unique_ptr<CountingSource>> sources;
  std::vector<io::FrameSource*> given;
  for (unsigned i = 0; i < workers; ++i) {
    sources.push_back(std::make_unique<CountingSource>(frames(), outcome, calls));
    given.push_back(sources.back().get());
  }
  EngineOptions options;
  options.tables = {.flows_ipv4 = 2'000, .flows_ipv6 = 200, .ports = 1'024};
  options.idle = io::IdleStrategy::kSpin;
  auto* engine = new Engine(options, given);
  engine->start();
  std::array<Event, 256> events;
  while (outcome.ended < workers) {
    if (engine->take_events(events) == 0) std::this_thread::yield();
  }
  const auto counted = engine->total();
  outcome.frames = counted.frames;
  for (const std::uint64_t of_kind : counted.events) outcome.events += of_kind;
  for (const std::uint64_t of_table : counted.evicted) outcome.evicted += of_table;
  _exit(0);
}

class WorkerSyscalls : public testing::Test {
 protected:
  void SetUp() override {
    void* memory =
        mmap(nullptr, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    outcome_ = new (memory) Outcome;
  }
  void TearDown() override { munmap(outcome_, sizeof(Outcome)); }

  void run(unsigned workers, bool calls) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(300);
      run_child(*outcome_, workers, calls);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    ASSERT_TRUE(outcome_->has_filters);
    EXPECT_EQ(outcome_->frames, workers * kRounds * 20'000U);
    EXPECT_GT(outcome_->events, 1'000U);
    EXPECT_GT(outcome_->evicted, 100U);
  }

  Outcome* outcome_ = nullptr;
};

TEST_F(WorkerSyscalls, AreCountedWhereThereAreSome) {
  run(1, true);
  EXPECT_GE(outcome_->counted.calls, 1U);
  EXPECT_EQ(outcome_->counted.first, SYS_getppid);
}

TEST_F(WorkerSyscalls, AreNoneOfOneWorker) {
  run(1, false);
  EXPECT_EQ(outcome_->counted.calls, 0U) << "the first was " << outcome_->counted.first;
}

TEST_F(WorkerSyscalls, AreNoneOfTwoWorkersThatLendFrames) {
  run(2, false);
  EXPECT_EQ(outcome_->counted.calls, 0U) << "the first was " << outcome_->counted.first;
}

}  // namespace
}  // namespace hopscope::app

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!hopscope::test::may_count_syscalls()) {
    std::puts("skipped: the kernel does not let this process install seccomp filters");
    return 77;
  }
  return RUN_ALL_TESTS();
}
