#pragma once
// The time by which rows age. It goes on with the clock that it is shown and stands still while
// that clock is set back or a capture's times jump back, so that nothing is ever from the future.

#include <algorithm>
#include <cstdint>

namespace hopscope::pipeline {

class AgeingClock {
 public:
  /// The ageing time at `time_ns` (not negative) on the other clock.
  [[nodiscard]] std::int64_t at(std::int64_t time_ns) noexcept {
    const std::int64_t step = time_ns - shown_ns_;
    if (now_ns_ == 0) {
      now_ns_ = shown_ns_ = time_ns;
    } else if (step >= 0) {
      now_ns_ += std::min(step, kMaxStepNs);
      shown_ns_ = time_ns;
      behind_ = 0;
    } else if (step < -kDisorderNs && ++behind_ >= kSetBackAfter) {
      shown_ns_ = time_ns;
      behind_ = 0;
    }
    return now_ns_;
  }

 private:
  /// Times of a capture may be so much out of order without having been set back.
  static constexpr std::int64_t kDisorderNs = 1'000'000'000;
  /// So many times in a row from before mean that the clock was set back; a single one is wrong.
  static constexpr int kSetBackAfter = 16;
  /// The widest step: longer than the longest idle timeout, and ages in 16 bits can tell it.
  static constexpr std::int64_t kMaxStepNs = 32'000 * std::int64_t{1'000'000'000};

  std::int64_t now_ns_ = 0;
  std::int64_t shown_ns_ = 0;  ///< the time on the other clock that now_ns_ stands for
  int behind_ = 0;
};

/// When a frame came: for people, and for ageing.
struct FrameTime {
  std::int64_t receive_ns = 0;  ///< since 1970
  std::int64_t now_ns = 0;      ///< of the AgeingClock
};

/// Seconds between two 16-bit second counts; 0 where `then` is a little ahead of `now`, as another
/// worker's clock may be.
[[nodiscard]] constexpr std::uint32_t seconds_since(std::uint16_t then,
                                                    std::uint32_t now_s) noexcept {
  const auto passed = static_cast<std::uint16_t>(static_cast<std::uint16_t>(now_s) - then);
  return passed > 0x7FFF ? 0 : passed;
}

/// Whether `seconds` have passed between two counts of seconds; no where `then` is ahead of `now`.
[[nodiscard]] constexpr bool has_passed(std::uint32_t then_s, std::uint32_t now_s,
                                        std::uint32_t seconds) noexcept {
  return static_cast<std::int32_t>(now_s - then_s) >= static_cast<std::int32_t>(seconds);
}

}  // namespace hopscope::pipeline
