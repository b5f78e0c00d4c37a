#pragma once
// Assembles frames that arrive in several buffers: each is copied into a contiguous slot. Slots are
// allocated at start; a frame that is longer than a slot, or for which no slot is free, is dropped
// and counted. One thread; other threads read the counts.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "io/frame_batch.h"

namespace hopscope::io {

/// Bytes of a slot, so of the longest frame that can be assembled.
inline constexpr std::size_t kMaxAssembledBytes = 16'384;

class FrameAssembler {
 public:
  struct Frame {
    const std::uint8_t* data = nullptr;  ///< null: the frame was dropped
    std::uint32_t length = 0;            ///< bytes
    FrameHandle handle = 0;
  };

  /// Allocates and touches slots * kMaxAssembledBytes bytes. Throws std::bad_alloc.
  explicit FrameAssembler(std::size_t slots);

  /// A frame has started and has not ended.
  [[nodiscard]] bool under_way() const noexcept { return state_ != State::kNone; }

  /// Copies the next buffer of the frame.
  void add(const std::uint8_t* data, std::uint32_t length) noexcept;

  /// Ends the frame; the buffer added last was its last one. Only while under_way(). The bytes are
  /// valid until release().
  [[nodiscard]] Frame finish() noexcept;

  /// Whether the handle is from finish(). All others are UMEM addresses, which are far smaller.
  [[nodiscard]] static bool is_assembled(FrameHandle handle) noexcept {
    return (handle & kMark) != 0;
  }
  void release(FrameHandle handle) noexcept;

  [[nodiscard]] std::size_t slots() const noexcept { return slots_; }
  [[nodiscard]] std::uint64_t held() const noexcept { return held_.get(); }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_.get(); }
  [[nodiscard]] std::uint64_t too_long() const noexcept { return too_long_.get(); }
  [[nodiscard]] std::uint64_t no_slot() const noexcept { return no_slot_.get(); }

 private:
  enum class State : std::uint8_t { kNone, kCopying, kTooLong, kNoSlot };
  static constexpr FrameHandle kMark = FrameHandle{1} << 63;

  void begin() noexcept;
  /// Every slot is free, held by the worker, or being filled.
  [[nodiscard]] bool conserves_slots() const noexcept;

  const std::size_t slots_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::vector<std::uint32_t> free_;
  State state_ = State::kNone;
  std::uint32_t slot_ = 0;
  std::uint32_t length_ = 0;
  Counter held_, frames_, too_long_, no_slot_;
};

}  // namespace hopscope::io
