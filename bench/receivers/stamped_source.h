#pragma once
// Any source, with a look at the clock for each frame that tells when it was sent: how long it took
// from the sender's call until the worker had it.

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "io/frame_source.h"

namespace hopscope::bench {

/// Where a stamped frame has its time of CLOCK_MONOTONIC in ns, in the order of the host: behind
/// Ethernet, IPv4 and UDP.
inline constexpr std::size_t kStampAt = 42;

[[nodiscard]] inline std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class StampedSource final : public io::FrameSource {
 public:
  /// Keeps the first `most` latencies.
  StampedSource(io::FrameSource& source, std::size_t most) : source_(source) {
    latencies_ns_.reserve(most);
  }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    const std::size_t count = source_.receive(batch);
    if (count == 0) return 0;
    const std::int64_t now = monotonic_ns();
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t stamp = 0;
      if (batch.length[i] < kStampAt + sizeof stamp) continue;
      if (latencies_ns_.size() == latencies_ns_.capacity()) break;
      std::memcpy(&stamp, batch.data[i] + kStampAt, sizeof stamp);
      latencies_ns_.push_back(now - stamp);
    }
    return count;
  }
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    source_.release(handles, count);
  }
  void wait(int timeout_ms) noexcept override { source_.wait(timeout_ms); }
  [[nodiscard]] bool exhausted() const noexcept override { return source_.exhausted(); }
  [[nodiscard]] std::size_t capacity() const noexcept override { return source_.capacity(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override {
    return source_.statistics();
  }
  [[nodiscard]] io::SourceDescription description() const override { return source_.description(); }

  /// After the worker has ended, ascending.
  [[nodiscard]] std::vector<std::int64_t> latencies_ns() const {
    std::vector<std::int64_t> sorted = latencies_ns_;
    std::ranges::sort(sorted);
    return sorted;
  }

 private:
  io::FrameSource& source_;
  std::vector<std::int64_t> latencies_ns_;
};

}  // namespace hopscope::bench
