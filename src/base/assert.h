#pragma once
// Contracts between functions, checked in builds whose speed does not matter.

#include <cstdio>
#include <cstdlib>

// HOPSCOPE_ASSERT(condition): a precondition that the caller must meet, or a postcondition of what
// was just done. Checked in the presets dev, asan and tsan (HOPSCOPE_ASSERTIONS); in release
// the condition is not evaluated. Never for input: wrong bytes from the network and wrong
// configuration are refused and counted, not asserted.
#if defined(HOPSCOPE_ASSERTIONS)
#define HOPSCOPE_ASSERT(condition)                     \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::hopscope::assertion_failed(#condition, __FILE__, __LINE__))
#else
#define HOPSCOPE_ASSERT(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#endif

namespace hopscope {

/// Prints the broken contract and aborts, so that a debugger or a core file shows the caller.
[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* condition,
                                                                    const char* file,
                                                                    int line) noexcept {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace hopscope
