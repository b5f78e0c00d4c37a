#pragma once
// Memory that will be needed soon.

#include <cstddef>

namespace hopscope::pipeline {

/// Fetches the line at `address` into the second-level cache: into the first, lines of a group of
/// frames would evict each other. To the compiler a function that only fetches has no effect, and
/// calls of it may go; the empty statement is one.
[[gnu::always_inline]] inline void prefetch(const void* address) noexcept {
  __builtin_prefetch(address, 0, 2);
  asm volatile("");
}

}  // namespace hopscope::pipeline
