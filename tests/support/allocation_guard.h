#pragma once
// Counts what a thread allocates and frees. A test that links allocation_guard.cpp has malloc and
// operator new replaced; with a sanitizer, which has its own malloc, operator new alone.

#include <cstdint>

namespace hopscope::test {

/// Counts on its own thread from construction to stop().
class AllocationGuard {
 public:
  AllocationGuard() noexcept;
  AllocationGuard(const AllocationGuard&) = delete;
  AllocationGuard& operator=(const AllocationGuard&) = delete;
  ~AllocationGuard() { (void)stop(); }

  /// Calls of allocating and freeing functions so far; stops counting.
  std::uint64_t stop() noexcept;
};

}  // namespace hopscope::test
