#pragma once
// The traffic model's record of a frame: enough to compute what a collector must find, and what a
// sender that repeats the frame may change in it.

#include <cstdint>
#include <vector>

#include "pipeline/encode/writer.h"
#include "pipeline/report/decode_error.h"

namespace hopscope::app {

enum class FrameKind : std::uint8_t { kStack, kPostcard, kDrop };

/// One individual report of a frame.
struct ReportRecord {
  std::uint32_t flow = 0;
  bool ipv6 = false;
  bool congested = false;       ///< Q
  std::uint8_t hops = 0;        ///< in the stack; 1 for a postcard
  std::uint64_t path_hash = 0;  ///< of a stack; 0: the report has none
  std::uint8_t drop_reason = 0;
};

struct FrameRecord {
  FrameKind kind = FrameKind::kStack;
  /// The error that a decoder must find in the frame.
  pipeline::DecodeError error = pipeline::DecodeError::kNone;
  std::uint64_t time_ns = 0;
  std::uint32_t bytes = 0;
  std::uint32_t sequence_key = 0;  ///< stands for (source, switch, hw_id)
  std::uint32_t sequence = 0;      ///< before it is truncated to the width of its field
  std::uint32_t skipped = 0;       ///< lost numbers before this one
  bool takes_sequence = true;      ///< false: the frame is refused before its number counts
  std::vector<ReportRecord> reports;
  std::vector<std::uint32_t> ports;  ///< egress ports, as Topology::port_count() * switch + port

  // For a sender that repeats the frame.
  std::uint32_t sequence_at = 0;
  std::uint32_t sequence_bits = 32;
  std::uint32_t udp_at = 0;
  std::vector<pipeline::encode::TimeMark> times;
};

}  // namespace hopscope::app
