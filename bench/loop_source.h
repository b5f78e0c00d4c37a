#pragma once
// A source that never ends: hands out the same frames again and again, each with a new sequence
// number, as fast as they are taken. A frame that is lent waits until it is back. What is behind
// the frames repeats with each round.

#include <time.h>

#include <atomic>
#include <cstring>
#include <vector>

#include "frame_ring.h"
#include "pipeline/decode/decoder.h"

namespace hopscope::bench {

class LoopSource final : public io::FrameSource {
 public:
  /// The next `frames` reports of `traffic` for which wanted(report) is true. `hw_id`, below 64,
  /// tells its senders from those of other sources.
  template <typename Wanted>
  LoopSource(Traffic& traffic, std::size_t frames, std::uint8_t hw_id, const Wanted& wanted)
      : ring_(frames), is_out_(frames), sequence_(Traffic::kSwitches + 1) {
    const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
    pipeline::OuterHeaders outer;
    pipeline::Report report;
    ring_.fill(frames, [&](std::size_t i, std::uint8_t* frame) {
      for (;;) {
        const std::uint32_t length = traffic.next(frame);
        (void)decoder.outer({frame, length}, outer);
        if (!decoder.reports(outer).next(report) || !wanted(report)) continue;
        const auto report_at = static_cast<std::size_t>(report.header - frame);
        constexpr std::size_t kHwId = 3, kSequence = 8;  // in a report 1.0
        frame[report_at + kHwId] =
            static_cast<std::uint8_t>((frame[report_at + kHwId] & 0xC0) | hw_id);
        places_.push_back({.data = frame,
                           .length = length,
                           .sequence_at = static_cast<std::uint32_t>(report_at + kSequence),
                           .sender = report.node_id});
        is_out_[i] = 0;
        return length;
      }
    });
  }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    if (first_ != nullptr) return first_->receive(batch);
    batch.count = 0;
    while (is_open_.load(std::memory_order_relaxed) && batch.count < io::kBatch &&
           is_out_[next_] == 0) {
      const Place& place = places_[next_];
      const std::uint32_t number = __builtin_bswap32(sequence_[place.sender]++);
      std::memcpy(place.data + place.sequence_at, &number, sizeof number);
      batch.data[batch.count] = place.data;
      batch.length[batch.count] = place.length;
      batch.handle[batch.count] = next_;
      is_out_[next_] = 1;
      ++batch.count;
      next_ = next_ + 1 < places_.size() ? next_ + 1 : 0;
    }
    batch.receive_time_ns = now_ns();
    return batch.count;
  }
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    for (std::size_t i = 0; i < count && first_ == nullptr; ++i) is_out_[handles[i]] = 0;
  }
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return places_.size(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override { return ring_.description(); }

  /// The wall clock, which a worker reads too when nothing comes.
  [[nodiscard]] static std::int64_t now_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  /// Whether frames come. Any thread.
  void open(bool is_open) noexcept { is_open_ = is_open; }
  /// Gives the frames of another source instead; null: its own. While no thread runs.
  void give_first(FrameRing* other) noexcept { first_ = other; }

 private:
  struct Place {
    std::uint8_t* data;
    std::uint32_t length;
    std::uint32_t sequence_at;
    std::uint32_t sender;
  };

  FrameRing ring_;
  FrameRing* first_ = nullptr;
  std::vector<Place> places_;
  std::vector<std::uint8_t> is_out_;
  std::vector<std::uint32_t> sequence_;
  std::size_t next_ = 0;
  std::atomic<bool> is_open_{false};
};

}  // namespace hopscope::bench
