#pragma once
// A FrameSource over frames in memory, for tests and benchmarks: returns them in order, each once
// per pass, and checks that every frame is released.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "io/frame_source.h"

namespace hopscope::test {

class MemorySource final : public io::FrameSource {
 public:
  struct Item {
    std::vector<std::uint8_t> bytes;
    std::int64_t time_ns = 0;
  };

  explicit MemorySource(std::vector<Item> items = {}) : items_(std::move(items)) {}

  void add(std::span<const std::uint8_t> bytes, std::int64_t time_ns) {
    items_.push_back({.bytes = {bytes.begin(), bytes.end()}, .time_ns = time_ns});
  }
  [[nodiscard]] std::vector<Item>& items() noexcept { return items_; }
  /// Starts again from the first frame.
  void rewind() noexcept { next_ = 0; }
  [[nodiscard]] std::size_t held() const noexcept { return held_; }
  void limit_batch(std::size_t frames) noexcept { batch_limit_ = frames; }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    while (batch.count < batch_limit_ && next_ < items_.size()) {
      const Item& item = items_[next_];
      batch.data[batch.count] = item.bytes.data();
      batch.length[batch.count] = static_cast<std::uint32_t>(item.bytes.size());
      batch.handle[batch.count] = next_;
      times_[batch.count] = item.time_ns;
      ++batch.count;
      ++next_;
    }
    batch.frame_time_ns = times_.data();
    batch.receive_time_ns = batch.count != 0 ? times_[0] : 0;
    held_ += batch.count;
    return batch.count;
  }
  void release(const io::FrameHandle* /*handles*/, std::size_t count) noexcept override {
    held_ -= count;
  }
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return next_ == items_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept override { return items_.size() + 1; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override {
    return {.kind = "memory", .interface = "", .mode = "memory", .reason = ""};
  }

 private:
  std::vector<Item> items_;
  std::size_t next_ = 0;
  std::size_t held_ = 0;
  std::size_t batch_limit_ = io::kBatch;
  std::array<std::int64_t, io::kBatch> times_{};
};

}  // namespace hopscope::test
