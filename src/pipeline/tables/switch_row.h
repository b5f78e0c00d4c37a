#pragma once
// What is kept per switch: the histogram of its hop latencies, and its units as the workers need
// them. And per (switch, drop reason): how many packets.

#include <array>
#include <cstdint>

#include "base/single_writer.h"
#include "pipeline/report/latency_histogram.h"

namespace hopscope::pipeline {

/// Its counts are each right by themselves; a copy may have a latency in one and not yet the other.
struct alignas(kCacheLine) SwitchRow {
  std::uint32_t sequence;
  std::uint32_t switch_id;
  std::uint32_t units;  ///< index into the workers' list of units
  std::uint32_t unused;
  std::uint64_t latency_sum_ns;
  std::array<std::uint64_t, kLatencyBuckets> latency_buckets;
};

struct DropRow {
  std::uint32_t sequence;
  std::uint32_t switch_id;
  std::uint32_t reason;
  std::uint32_t last_s;  ///< second of the newest packet
  std::uint64_t packets;
};

}  // namespace hopscope::pipeline
