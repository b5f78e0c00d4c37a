#pragma once
// Reads the wall clock.

#include <chrono>
#include <cstdint>

namespace hopscope {

/// ns since 1970-01-01, UTC.
[[nodiscard]] inline std::int64_t wall_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace hopscope
