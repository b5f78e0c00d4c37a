#pragma once
// The hops of a stack as columns: the values that the tables need, hop i in lane i ([0] nearest to
// the sink). For stacks of up to kMaxHops hops; a plan per bitmap and layout holds the offsets of
// the words.

#include <array>
#include <cstdint>

#include "pipeline/decode/hop_plan.h"
#include "pipeline/events/event.h"
#include "pipeline/events/intervals.h"

namespace hopscope::pipeline {

struct alignas(64) HopColumns {
  std::array<std::uint32_t, kMaxHops> latency;  ///< raw
  std::array<std::uint32_t, kMaxHops> queue;    ///< id in the top byte, occupancy below
  std::array<std::uint32_t, kMaxHops> tx_utilization;
  std::array<std::uint32_t, kMaxHops> latency_bucket;  ///< latency_bucket() of latency_ns
  std::array<std::uint64_t, kMaxHops> latency_ns;
  std::uint64_t sum_ns;  ///< of all hops; 0 where there are no latencies
  std::uint32_t moved;   ///< bit i: hop i's latency may have left its interval
};

struct ColumnPlan {
  std::uint8_t hops = 0;
  std::uint16_t hop_bytes = 0;
  bool has_port = false;
  bool has_latency = false;
  bool has_queue = false;
  bool has_tx = false;
  bool has_congestion = false;  ///< has no column
  /// Hop 0's latency may be a clock (see HopReader): it is compared with the egress time.
  bool check_egress_time = false;
  // Offsets in a hop.
  std::uint16_t switch_at = 0;
  std::uint16_t port_at = 0;
  std::uint16_t latency_at = 0;
  std::uint16_t queue_at = 0;
  std::uint16_t tx_at = 0;
  std::uint16_t egress_time_at = 0;
  std::uint32_t port_mask = 0xFFFF'FFFF;
  /// Offsets of the hops in the stack. Lanes past the last hop repeat its offset, so that vector
  /// code needs no mask to stay inside the stack.
  std::array<std::uint16_t, kMaxHops> hop_at{};

  /// For 128-bit registers: whether switch id, port, latency and queue are words of the first 16
  /// bytes of each hop. `window` is the shuffle that extracts them in this order.
  bool fits_window = false;
  alignas(16) std::array<std::uint8_t, 16> window{};
  alignas(16) std::array<std::uint32_t, 4> window_absent{};  ///< all ones for absent words
  std::uint32_t bad_port = 0;  ///< the 16-bit port that is refused; all ones: there are no ports
  alignas(32) std::array<std::uint32_t, kMaxHops> live{};  ///< all ones in the lanes of hops

  // For 512-bit registers: the stack is loaded into four of them; columns are extracted in pairs.
  bool fits_registers = false;
  std::array<std::uint64_t, 4> load{};  ///< bytes of the stack in each register
  struct Pair {
    alignas(64) std::array<std::uint32_t, 16> word{};  ///< index of each lane's word
    std::uint16_t upper = 0;                           ///< lanes from the upper two registers
    std::uint16_t live = 0;                            ///< lanes that hold a word of the stack
  };
  std::array<Pair, 3> pairs{};  ///< switch and latency, port and queue, tx utilization
};

/// False: the stack has more hops than lanes, or no words that the tables could use.
[[nodiscard]] bool make_column_plan(const IntStack& stack, ColumnPlan& plan) noexcept;

/// The path of a flow record, with which a stack is compared. Each array has kMaxHops elements, and
/// vector code reads all of them.
struct PathView {
  const std::uint32_t* switch_id = nullptr;
  const std::uint16_t* egress_port = nullptr;  ///< low halves
  const Interval* interval = nullptr;          ///< of each hop's latency
};

/// Units and intervals of hop latencies, the same for all switches.
struct LatencyRule {
  LatencyRule(const IntervalRule& intervals, std::uint64_t latency_to_ns,
              std::uint64_t timestamp_to_ns) noexcept;

  IntervalRule rule;
  std::uint64_t to_ns;       ///< ns = raw * to_ns / 2^16
  std::uint64_t time_to_ns;  ///< of timestamps

  // For vector code; valid where has_lanes.
  LaneIntervals lanes;
  bool has_lanes;
  alignas(32) std::array<std::uint64_t, 4> factor;  ///< to_ns in every lane
};

/// A stack to read, and the path with which it is compared.
struct StackView {
  const std::uint8_t* stack = nullptr;
  const ColumnPlan* plan = nullptr;
  PathView path;
};

}  // namespace hopscope::pipeline
