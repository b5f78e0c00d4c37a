#pragma once
// Counts the system calls of a process from a moment on, by a seccomp filter that turns each into a
// signal. None of them reaches the kernel: they fail with ENOSYS. So this is for a child process
// that does nothing else any more; it ends by _exit().
//
// clock_gettime counts as none: where the vDSO cannot read the clock of a virtual machine, reading
// the time is a system call that no program can avoid.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>

namespace hopscope::test {

struct SyscallCount {
  std::atomic<unsigned> calls{0};
  std::atomic<int> last{-1};  ///< number of the last one
};

inline SyscallCount* syscall_count = nullptr;

inline void count_syscall(int /*signal*/, siginfo_t* info, void* context) {
  syscall_count->calls.fetch_add(1);
  syscall_count->last = info->si_syscall;
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

/// Returns false where the kernel has no seccomp. `count` must outlive the process's work.
inline bool count_syscalls_from_now_on(SyscallCount& count) {
  syscall_count = &count;
  struct sigaction action {};
  action.sa_sigaction = count_syscall;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  std::array<sock_filter, 6> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace hopscope::test
