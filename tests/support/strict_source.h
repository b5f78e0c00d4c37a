#pragma once
// A FrameSource that enforces its contract: the number of frames in use is limited, the memory of a
// released frame is freed, and only frames that were received may be released.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "io/frame_source.h"
#include "support/memory_source.h"

namespace hopscope::test {

class StrictSource final : public io::FrameSource {
 public:
  /// `is_live`: the frames of a batch have one time, as from a NIC. Batches are of random sizes.
  StrictSource(std::size_t capacity, bool is_live, unsigned seed)
      : is_live_(is_live), random_(seed), frames_(capacity) {
    for (std::size_t i = 0; i < capacity; ++i) free_.insert(i);
  }

  /// The item must live until it was received.
  void add(const MemorySource::Item& item) { items_.push_back(&item); }
  [[nodiscard]] std::size_t held() const noexcept { return frames_.size() - free_.size(); }
  [[nodiscard]] std::uint64_t received() const noexcept { return next_; }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    const std::size_t most = batch_size();
    while (batch.count < most && next_ < items_.size() && !free_.empty()) {
      const std::size_t at = *free_.begin();
      free_.erase(free_.begin());
      const MemorySource::Item& item = *items_[next_++];
      frames_[at] = item.bytes;
      batch.data[batch.count] = frames_[at].data();
      batch.length[batch.count] = static_cast<std::uint32_t>(item.bytes.size());
      batch.handle[batch.count] = kFirstHandle + at;
      times_[batch.count++] = item.time_ns;
    }
    batch.frame_time_ns = is_live_ ? nullptr : times_.data();
    if (batch.count > 0) batch.receive_time_ns = times_[is_live_ ? batch.count - 1 : 0];
    return batch.count;
  }

  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = handles[i] - kFirstHandle;
      const bool was_out = at < frames_.size() && free_.insert(at).second;
      ASSERT_TRUE(was_out) << "a frame was given back that is not out";
      std::fill(frames_[at].begin(), frames_[at].end(), std::uint8_t{0xDD});
      std::vector<std::uint8_t>().swap(frames_[at]);
    }
  }

  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return next_ == items_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept override { return frames_.size(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override {
    return {.kind = "memory", .interface = "", .mode = "memory", .reason = ""};
  }

 private:
  static constexpr io::FrameHandle kFirstHandle = 1000;

  std::size_t batch_size() {
    switch (random_() % 8) {
      case 0:
        return 1;
      case 1:
        return io::kBatch;
      default:
        return 1 + random_() % io::kBatch;
    }
  }

  const bool is_live_;
  std::mt19937 random_;
  std::vector<std::vector<std::uint8_t>> frames_;
  std::set<std::size_t> free_;
  std::vector<const MemorySource::Item*> items_;
  std::size_t next_ = 0;
  std::array<std::int64_t, io::kBatch> times_{};
};

}  // namespace hopscope::test
