#include "app/replay/paced_source.h"

#include <time.h>

#include <algorithm>

namespace hopscope::app {
namespace {

std::int64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t PacedSource::due_ns(std::size_t i) const noexcept {
  const auto into_capture = static_cast<double>(pending_.time_ns(i) - first_capture_ns_);
  return start_ns_ + static_cast<std::int64_t>(into_capture / speed_);
}

std::size_t PacedSource::receive(io::FrameBatch& batch) noexcept {
  batch.count = 0;
  if (next_ == pending_.count) {
    next_ = 0;
    if (inner_.receive(pending_) == 0) return 0;
  }
  const std::int64_t now_ns = monotonic_ns();
  if (!started_) {
    started_ = true;
    start_ns_ = now_ns;
    first_capture_ns_ = pending_.time_ns(0);
  }
  const std::size_t first = next_;
  while (next_ < pending_.count && due_ns(next_) <= now_ns) {
    batch.data[batch.count] = pending_.data[next_];
    batch.length[batch.count] = pending_.length[next_];
    batch.handle[batch.count] = pending_.handle[next_];
    ++batch.count;
    ++next_;
  }
  batch.receive_time_ns = pending_.receive_time_ns;
  batch.frame_time_ns =
      pending_.frame_time_ns == nullptr ? nullptr : pending_.frame_time_ns + first;
  return batch.count;
}

void PacedSource::wait(int timeout_ms) noexcept {
  std::int64_t sleep_ns = std::int64_t{timeout_ms} * 1'000'000;
  if (next_ < pending_.count) {
    sleep_ns = std::clamp<std::int64_t>(due_ns(next_) - monotonic_ns(), 0, sleep_ns);
  }
  const timespec pause{.tv_sec = sleep_ns / 1'000'000'000, .tv_nsec = sleep_ns % 1'000'000'000};
  nanosleep(&pause, nullptr);
}

}  // namespace hopscope::app
