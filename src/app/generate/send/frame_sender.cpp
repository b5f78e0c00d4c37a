#include "app/generate/send/frame_sender.h"

#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <system_error>

#include "base/setup_error.h"

namespace hopscope::io {

void pin_to_cpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw SetupError(fmt::format("cannot run on CPU {}: {}; `nproc` says how many there are", cpu,
                                 std::generic_category().message(errno)));
  }
}

}  // namespace hopscope::io
