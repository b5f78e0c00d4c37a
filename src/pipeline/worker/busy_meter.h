#pragma once
// How much of its time a worker has frames. Reads no clock of its own: it is shown the times that
// the worker has anyway, one per batch and some between empty polls.

#include <algorithm>
#include <cstdint>

#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

class BusyMeter {
 public:
  /// A batch came: since the batch before, if no empty poll was between, there was work to do.
  void batch(std::int64_t now_ns, WorkerCounters& counters) noexcept {
    pass(now_ns, in_batch_, counters);
    in_batch_ = true;
  }

  /// Nothing came. The first time after a batch, what has passed went into that batch.
  void idle(std::int64_t now_ns, WorkerCounters& counters) noexcept {
    pass(now_ns, in_batch_, counters);
    in_batch_ = false;
  }

 private:
  static constexpr std::uint64_t kWindowNs = 1'000'000'000;

  void pass(std::int64_t now_ns, bool busy, WorkerCounters& counters) noexcept {
    const std::int64_t passed = since_ns_ == 0 ? 0 : std::max<std::int64_t>(0, now_ns - since_ns_);
    since_ns_ = now_ns;
    const auto ns = static_cast<std::uint64_t>(passed);
    (busy ? counters.busy_ns : counters.idle_ns).add(ns);
    window_ns_ += ns;
    if (busy) window_busy_ns_ += ns;
    if (window_ns_ < kWindowNs) return;
    counters.busy_ppm.set(window_busy_ns_ * 1'000'000 / window_ns_);
    window_ns_ = 0;
    window_busy_ns_ = 0;
  }

  std::int64_t since_ns_ = 0;
  bool in_batch_ = false;
  std::uint64_t window_ns_ = 0;
  std::uint64_t window_busy_ns_ = 0;
};

}  // namespace hopscope::pipeline
