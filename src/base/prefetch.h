#pragma once
// Fetches memory that will be needed soon into the cache.

#include <cstddef>

namespace hopscope {

/// Fetches the cache line at `address` into the L2 cache: in L1 the frames being processed would
/// evict each other. The empty asm keeps the compiler from removing calls of functions whose only
/// effect is a prefetch.
[[gnu::always_inline]] inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address, 0, 2);
  asm volatile("");
}

/// Fetches the cache line at `address` into L1 in exclusive state, because it is about to be
/// written: a line that the exporter has read is shared, and the store would have to wait. Executes
/// as a NOP on CPUs without PREFETCHW.
[[gnu::always_inline]] inline void prefetch_to_write(const void* address) noexcept {
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(address)));
}

}  // namespace hopscope
