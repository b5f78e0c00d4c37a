#include "support/syscall_guard.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace hopscope::test {
namespace {

std::atomic<SyscallCount*> counting{nullptr};

void on_syscall(int /*signal*/, siginfo_t* info, void* context) {
  SyscallCount* count = counting.load();
  int none = -1;
  count->first.compare_exchange_strong(none, info->si_syscall);
  count->calls.fetch_add(1);
  // What the trapped call returns.
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

}  // namespace

bool count_syscalls_of_this_thread(SyscallCount& count) noexcept {
  counting = &count;
  struct sigaction action {};
  action.sa_sigaction = on_syscall;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return false;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(code), .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool may_count_syscalls() {
  const pid_t child = fork();
  if (child == 0) {
    static SyscallCount count;
    const bool counts =
        count_syscalls_of_this_thread(count) && syscall(SYS_getppid) == -1 && count.calls == 1;
    _exit(counts ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace hopscope::test
