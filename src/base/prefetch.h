#pragma once
// Memory that will be needed soon.

#include <cstddef>

namespace hopscope {

/// Fetches the line at `address` into the second-level cache: into the first, the frames
/// that are under way would evict each other. To the compiler a function that only fetches has no
/// effect, and calls of it may go; the empty statement is one.
[[gnu::always_inline]] inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address, 0, 2);
  asm volatile("");
}

/// Fetches the line at `address` into the first-level cache for this CPU alone: it is about to be
/// written, and one that an exporter has read would have to be claimed then.
[[gnu::always_inline]] inline void prefetch_to_write(const void* address) noexcept {
#if defined(__x86_64__)
  // To a CPU without this instruction it is none.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address, 1, 3);
  asm volatile("");
#endif
}

}  // namespace hopscope
