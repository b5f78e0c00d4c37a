#pragma once
// Counts the system calls of a thread, exactly: a seccomp filter sends all of them to a signal
// handler, which counts them and makes them fail. A thread cannot remove the filter again, so the
// thread must belong to a process that can end with it (a child that calls _exit).

#include <atomic>
#include <cstdint>

namespace hopscope::test {

struct SyscallCount {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<int> first{-1};  ///< number of the first one
};

/// Whether threads of this process may install such a filter; tested in a child process.
[[nodiscard]] bool may_count_syscalls();

/// From now on the calls of this thread are counted in `count` and fail with ENOSYS, but for
/// exit_group. False: the kernel refused the filter. One `count` per process.
[[nodiscard]] bool count_syscalls_of_this_thread(SyscallCount& count) noexcept;

}  // namespace hopscope::test
