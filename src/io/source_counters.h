#pragma once
// Counters of polls and frames that every kind of source needs.

#include "base/assert.h"
#include "base/counter.h"
#include "io/frame_batch.h"
#include "io/frame_source.h"

namespace hopscope::io {

class SourceCounters {
 public:
  /// One call of receive() that returned `frames` frames with `bytes` bytes in total.
  void count_poll(std::size_t frames, std::uint64_t bytes) noexcept {
    HOPSCOPE_ASSERT(frames <= kBatch && (frames != 0 || bytes == 0));
    polls_.add(1);
    if (frames == 0) {
      empty_polls_.add(1);
      return;
    }
    frames_.add(frames);
    bytes_.add(bytes);
    held_.add(frames);
    if (frames == kBatch) full_batches_.add(1);
  }
  void count_release(std::size_t frames) noexcept {
    const std::uint64_t held = held_.get();
    HOPSCOPE_ASSERT(frames <= held);  // each frame is released once
    held_.set(held - frames);
  }
  void count_wakeup() noexcept { wakeups_.add(1); }

  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_.get(); }
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.get(); }

  /// The part of the statistics that does not depend on the kind of source.
  [[nodiscard]] SourceStatistics statistics() const noexcept {
    SourceStatistics statistics;
    statistics.frames = frames_.get();
    statistics.bytes = bytes_.get();
    statistics.polls = polls_.get();
    statistics.empty_polls = empty_polls_.get();
    statistics.full_batches = full_batches_.get();
    statistics.wakeups = wakeups_.get();
    statistics.frames_held = held_.get();
    return statistics;
  }

 private:
  Counter frames_, bytes_, polls_, empty_polls_, full_batches_, wakeups_, held_;
};

}  // namespace hopscope::io
