#pragma once
// Frames that came in several buffers, put together in one contiguous place each. Places are
// claimed at start; a frame that is longer than one, or that finds none free, is passed over and
// counted. One thread; the counts are read by others.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "io/frame_batch.h"

namespace hopscope::io {

/// Bytes of the longest frame that is put together.
inline constexpr std::size_t kMaxAssembledBytes = 16'384;

class FrameAssembler {
 public:
  struct Frame {
    const std::uint8_t* data = nullptr;  ///< null: the frame was passed over
    std::uint32_t length = 0;            ///< bytes
    FrameHandle handle = 0;
  };

  /// Claims and touches places * kMaxAssembledBytes bytes. Throws std::bad_alloc.
  explicit FrameAssembler(std::size_t places);

  /// A frame has begun and has not ended.
  [[nodiscard]] bool under_way() const noexcept { return state_ != State::kNone; }

  /// Copies the next buffer of the frame.
  void add(const std::uint8_t* data, std::uint32_t length) noexcept;

  /// The buffer before was the last one. The bytes stay until release().
  [[nodiscard]] Frame finish() noexcept;

  /// Whether finish() gave out this handle. UMEM addresses, the other handles, are far smaller.
  [[nodiscard]] static bool is_assembled(FrameHandle handle) noexcept {
    return (handle & kMark) != 0;
  }
  void release(FrameHandle handle) noexcept;

  [[nodiscard]] std::size_t places() const noexcept { return places_; }
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.get(); }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_.get(); }
  [[nodiscard]] std::uint64_t too_long() const noexcept { return too_long_.get(); }
  [[nodiscard]] std::uint64_t no_place() const noexcept { return no_place_.get(); }

 private:
  enum class State : std::uint8_t { kNone, kCopying, kTooLong, kNoPlace };
  static constexpr FrameHandle kMark = FrameHandle{1} << 63;

  void begin() noexcept;

  const std::size_t places_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<std::uint32_t> free_;
  State state_ = State::kNone;
  std::uint32_t place_ = 0;
  std::uint32_t length_ = 0;
  Counter held_, frames_, too_long_, no_place_;
};

}  // namespace hopscope::io
