// A worker on AF_XDP makes no system call, neither while frames come nor when a poll is empty.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <new>

#include "io/af_xdp/af_xdp_source.h"
#include "pipeline/worker/engine.h"
#include "support/af_xdp_fixture.h"
#include "support/raw_sender.h"
#include "support/report_frame.h"
#include "support/syscall_counter.h"

namespace hopscope::io {
namespace {

/// What the child tells, in memory that both see.
struct Told {
  std::atomic<bool> ready{false};
  std::atomic<std::uint64_t> frames{0};
  std::atomic<std::uint64_t> empty_polls{0};
  std::atomic<unsigned> calls_of_worker{~0U};
  test::SyscallCount syscalls;
};

class Syscalls : public test::AfXdp {
 protected:
  void SetUp() override {
    AfXdp::SetUp();
    void* memory =
        mmap(nullptr, sizeof(Told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    told_ = new (memory) Told;
  }
  void TearDown() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    if (told_ != nullptr) munmap(told_, sizeof(Told));
  }

  /// Runs `work` in a child process.
  template <typename Work>
  void start(const Work& work) {
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      work();
      _exit(0);
    }
  }

  [[nodiscard]] bool ended(int options = WNOHANG) {
    if (child_ == 0) return true;
    int status = 0;
    if (waitpid(child_, &status, options) == 0) return false;
    child_ = 0;
    EXPECT_TRUE(WIFEXITED(status)) << "the child was killed by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return true;
  }

  Told* told_ = nullptr;
  pid_t child_ = 0;
};

constexpr std::uint64_t kFrames = 20'000;
constexpr std::uint64_t kMostSent = 1'000 * kFrames;

TEST_F(Syscalls, TheCounterSeesOne) {
  start([this] {
    if (!test::count_syscalls_from_now_on(told_->syscalls)) _exit(1);
    (void)syscall(SYS_getppid);
  });
  ASSERT_TRUE(ended(0));
  EXPECT_EQ(told_->syscalls.calls, 1U);
  EXPECT_EQ(told_->syscalls.last, SYS_getppid);
}

TEST_F(Syscalls, NoneWhileFramesComeAndNoneForAnEmptyPoll) {
  start([this] {
    AfXdpInterface interface(test::small_options(), {0}, Redirect(test::kPorts));
    AfXdpSource& source = interface.source(0);
    pipeline::EngineOptions options;
    options.tables.flows_ipv4 = options.tables.flows_ipv6 = 1024;
    pipeline::Engine engine(options, {&source});
    if (!test::count_syscalls_from_now_on(told_->syscalls)) _exit(1);
    told_->ready = true;
    // The last round polls on for a while without frames: its sender has stopped.
    for (int idle = 0; told_->frames < kFrames || idle < 100'000; ++idle) {
      if (engine.run_inline() != 0) idle = 0;
      told_->frames = engine.counters(0).frames;
    }
    told_->calls_of_worker = told_->syscalls.calls.load();
    told_->empty_polls = source.statistics().empty_polls;
    _exit(0);  // closing would be system calls
  });
  const test::RawSender sender(test::kThere);
  std::uint64_t sent = 0;
  while (!told_->ready && !ended()) {
  }
  for (; told_->frames < kFrames && sent < kMostSent && !ended(); ++sent) {
    sender.send(test::report_frame(static_cast<std::uint32_t>(sent)));
  }
  ASSERT_GE(told_->frames, kFrames);
  ASSERT_TRUE(ended(0));
  EXPECT_GE(told_->empty_polls, 100'000U);
  EXPECT_EQ(told_->calls_of_worker, 0U);
}

}  // namespace
}  // namespace hopscope::io
