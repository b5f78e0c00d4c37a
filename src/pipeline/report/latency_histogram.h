#pragma once
// The buckets of the hop latency histogram, and the bucket of a latency.

#include <bit>
#include <cstdint>

namespace hopscope::pipeline {

/// Buckets of the hop latency histogram: bucket i counts latencies <= 2^(i + kLatencyFirstBit) ns
/// and above the bucket before; the last one has no upper bound.
inline constexpr unsigned kLatencyBuckets = 26;
inline constexpr unsigned kLatencyFirstBit = 7;

/// The bucket of a latency: the first i with latency <= 2^(i + kLatencyFirstBit).
[[nodiscard]] inline unsigned latency_bucket(std::uint64_t latency_ns) noexcept {
  const auto bits = static_cast<unsigned>(std::bit_width(latency_ns - (latency_ns != 0 ? 1 : 0)));
  if (bits <= kLatencyFirstBit) return 0;
  const unsigned bucket = bits - kLatencyFirstBit;
  return bucket < kLatencyBuckets - 1 ? bucket : kLatencyBuckets - 1;
}

}  // namespace hopscope::pipeline
