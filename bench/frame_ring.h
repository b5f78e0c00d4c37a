#pragma once
// Frames in memory laid out as an AF_XDP socket has them: chunks of 2048 bytes on huge pages, the
// frame behind 256 bytes of headroom. Hands out every frame once per round.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fixed_array.h"
#include "io/frame_source.h"
#include "traffic.h"

namespace hopscope::bench {

class FrameRing final : public io::FrameSource {
 public:
  /// Some of the cache, and more than any.
  static constexpr std::size_t kInCache = 4096;
  static constexpr std::size_t kInMemory = 262'144;

  /// `now_ns`: the time of its first frames.
  explicit FrameRing(std::size_t frames, std::int64_t now_ns = 1'000'000'000'000)
      : memory_(frames * kChunk), length_(frames), now_ns_(now_ns) {}

  /// A new round of `frames` frames; write(number, frame) puts one there and returns its length.
  template <typename Write>
  void fill(std::size_t frames, const Write& write) {
    for (std::size_t i = 0; i < frames; ++i) length_[i] = write(i, at(i));
    count_ = frames;
    next_ = 0;
  }
  void refill(Traffic& traffic) {
    fill(length_.size(), [&](std::size_t, std::uint8_t* frame) { return traffic.next(frame); });
  }

  [[nodiscard]] std::size_t size() const noexcept { return length_.size(); }
  [[nodiscard]] const std::uint8_t* frame(std::size_t i) const noexcept {
    return &memory_[i * kChunk + kHeadroom];
  }
  [[nodiscard]] std::uint32_t length(std::size_t i) const noexcept { return length_[i]; }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    const std::size_t count = std::min(io::kBatch, count_ - next_);
    for (std::size_t i = 0; i < count; ++i) {
      batch.data[i] = frame(next_ + i);
      batch.length[i] = length_[next_ + i];
      batch.handle[i] = next_ + i;
    }
    next_ += count;
    batch.count = count;
    // The clock of a worker that takes 25 million reports a second.
    batch.receive_time_ns = now_ns_ += 2'560;
    return count;
  }
  void release(const io::FrameHandle* /*handles*/, std::size_t /*count*/) noexcept override {}
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return next_ == count_; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return length_.size() + 1; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override {
    return {.kind = "memory", .interface = "", .mode = "memory", .reason = ""};
  }

 private:
  static constexpr std::size_t kChunk = 2048;
  static constexpr std::size_t kHeadroom = 256;
  static_assert(kHeadroom + Traffic::kMaxFrame <= kChunk);

  [[nodiscard]] std::uint8_t* at(std::size_t i) noexcept {
    return &memory_[i * kChunk + kHeadroom];
  }

  FixedArray<std::uint8_t> memory_;
  std::vector<std::uint32_t> length_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::int64_t now_ns_;
};

}  // namespace hopscope::bench
