#pragma once
// The time by which rows age. It goes on with the clock that it is shown and stands still while
// that clock is set back or a capture's times jump back, so that nothing is ever from the future.

#include <cstdint>

namespace hopscope::pipeline {

class AgeingClock {
 public:
  /// The ageing time at `time_ns` on the other clock.
  [[nodiscard]] std::int64_t at(std::int64_t time_ns) noexcept {
    if (time_ns + behind_ns_ >= now_ns_) {
      now_ns_ = time_ns + behind_ns_;
    } else if (now_ns_ - (time_ns + behind_ns_) > kDisorderNs) {
      behind_ns_ = now_ns_ - time_ns;
    }
    return now_ns_;
  }

 private:
  /// Times of a capture may be so much out of order without having been set back.
  static constexpr std::int64_t kDisorderNs = 1'000'000'000;

  std::int64_t now_ns_ = 0;
  std::int64_t behind_ns_ = 0;  ///< how far the other clock was set back in all
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

}  // namespace hopscope::pipeline
