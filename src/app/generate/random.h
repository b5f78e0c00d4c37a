#pragma once
// Randomness of the traffic model: the same numbers on every machine for one seed, which the
// distributions of the standard library do not promise.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace hopscope::app {

/// A bijective mixing of 64 bits (the finaliser of SplitMix64).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58'476D'1CE4'E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D0'49BB'1331'11EBULL;
  return x ^ (x >> 31);
}

/// A fixed pseudo-random function of its arguments.
[[nodiscard]] constexpr std::uint64_t hash_of(std::uint64_t seed, std::uint64_t a,
                                              std::uint64_t b = 0) noexcept {
  constexpr std::uint64_t kStep = 0x9E37'79B9'7F4A'7C15ULL;
  return mix(mix(mix(seed + kStep) ^ (a + kStep)) ^ (b + 2 * kStep));
}

/// `bits` as a number in [0, 1).
[[nodiscard]] constexpr double unit(std::uint64_t bits) noexcept {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// `bits` as a number below `bound`, which is below 2^32.
[[nodiscard]] constexpr std::uint32_t below(std::uint64_t bits, std::uint64_t bound) noexcept {
  return static_cast<std::uint32_t>(((bits >> 32) * bound) >> 32);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(mix(seed)) {}

  [[nodiscard]] std::uint64_t bits() noexcept { return mix(state_ += 0x9E37'79B9'7F4A'7C15ULL); }
  [[nodiscard]] std::uint32_t below(std::uint64_t bound) noexcept {
    return app::below(bits(), bound);
  }
  /// True in a share of `probability`. Draws nothing for 0, so that an option that is off leaves
  /// the other draws as they are.
  [[nodiscard]] bool chance(double probability) noexcept {
    return probability > 0 && unit(bits()) < probability;
  }

 private:
  std::uint64_t state_;
};

/// Draws 0 to count - 1: all alike, or rank r in proportion to 1 / (r + 1)^exponent.
class Sampler {
 public:
  explicit Sampler(std::uint32_t count) : count_(count) {}
  Sampler(std::uint32_t count, double zipf_exponent) : count_(count), cumulative_(count) {
    double sum = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      sum += std::pow(static_cast<double>(i) + 1, -zipf_exponent);
      cumulative_[i] = sum;
    }
  }

  [[nodiscard]] std::uint32_t draw(Random& random) const {
    if (cumulative_.empty()) return random.below(count_);
    const double at = unit(random.bits()) * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    return std::min(static_cast<std::uint32_t>(found - cumulative_.begin()), count_ - 1);
  }

 private:
  std::uint32_t count_;
  std::vector<double> cumulative_;
};

}  // namespace hopscope::app
