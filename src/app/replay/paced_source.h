#pragma once
// A source that returns the frames of another one when they are due: a capture at the speed at
// which it was taken, or a multiple of it. Used by one worker, like any source.

#include <cstdint>

#include "io/frame_source.h"

namespace hopscope::app {

class PacedSource final : public io::FrameSource {
 public:
  /// `speed`: 1 is the capture's own; `inner` must time every frame and outlive this.
  PacedSource(io::FrameSource& inner, double speed) : inner_(inner), speed_(speed) {}

  std::size_t receive(io::FrameBatch& batch) noexcept override;
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    inner_.release(handles, count);
  }
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override {
    return next_ == pending_.count && inner_.exhausted();
  }
  [[nodiscard]] std::size_t capacity() const noexcept override { return inner_.capacity(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override {
    return inner_.statistics();
  }
  [[nodiscard]] io::SourceDescription description() const override { return inner_.description(); }

 private:
  /// When frame `i` of the pending batch is due, on the monotonic clock.
  [[nodiscard]] std::int64_t due_ns(std::size_t i) const noexcept;

  io::FrameSource& inner_;
  double speed_;
  io::FrameBatch pending_;
  std::size_t next_ = 0;
  bool started_ = false;
  std::int64_t start_ns_ = 0;          ///< monotonic, of the first frame
  std::int64_t first_capture_ns_ = 0;  ///< capture time of the first frame
};

}  // namespace hopscope::app
