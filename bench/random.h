#pragma once
// Random numbers in a nanosecond: xorshift with a multiplication. The same ones for the same seed.

#include <cstdint>

namespace hopscope::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed * 0x9E37'79B9'7F4A'7C15 + 1) {}

  /// 32 random bits.
  [[nodiscard]] std::uint32_t next() noexcept {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<std::uint32_t>((state_ * 0x2545'F491'4F6C'DD1D) >> 32);
  }
  /// Below `end`.
  [[nodiscard]] std::uint32_t below(std::uint32_t end) noexcept {
    return static_cast<std::uint32_t>((std::uint64_t{next()} * end) >> 32);
  }
  /// At least 0, below 1.
  [[nodiscard]] double unit() noexcept { return next() * 0x1p-32; }

 private:
  std::uint64_t state_;
};

}  // namespace hopscope::bench
