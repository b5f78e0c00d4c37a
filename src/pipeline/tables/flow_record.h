#pragma once
// One flow: three cache lines for IPv4. The record caches its path and, per hop, the row of the
// egress port, so that a report costs one look-up instead of one per hop. Written by the worker
// that owns the flow, copied by the exporter under the sequence number.

#include <array>
#include <cstdint>

#include "base/single_writer.h"
#include "pipeline/events/event.h"
#include "pipeline/events/intervals.h"
#include "pipeline/report/key.h"

namespace hopscope::pipeline {

inline constexpr std::uint32_t kNoSwitch = 0xFFFF'FFFF;
inline constexpr std::uint32_t kNoLatency = 0xFFFF'FFFF;
inline constexpr std::uint32_t kNoSlot = 0xFFFF'FFFF;

template <typename Key>
struct alignas(kCacheLine) FlowRecord {
  enum Flags : std::uint8_t {
    kUsed = 1,
    kHasLatency = 2,
    kPostcards = 4,   ///< hops come from separate reports; no path is known
    kLonger = 8,      ///< the packet crossed more hops than kMaxHops
    kAnnounced = 16,  ///< the event of the new key is on its way
    kTimed = 32,      ///< the latency is by clocks that agree, not the sum of the hops
    kUnsure = 64,  ///< a port has no row, or may have lost it: a report came that did not touch all
  };

  std::uint32_t sequence;  ///< odd while the owner writes
  std::uint8_t flags;
  std::uint8_t hop_count;     ///< hops held here
  Interval latency_interval;  ///< of the flow latency
  Key key;
  std::uint64_t reports;
  std::int64_t last_seen_ns;  ///< receive time
  std::uint64_t latency_ns;   ///< sum of the hops of the newest report
  std::uint32_t drops;
  std::uint32_t path_changes;
  std::uint32_t last_event_s;  ///< receive time of the newest event, for the refresh
  std::uint32_t path_length;   ///< hops of the newest stack, those beyond kMaxHops included

  // Per hop, [0] is nearest to the sink, as on the wire.
  alignas(kCacheLine) std::array<std::uint32_t, kMaxHops> switch_id;  ///< kNoSwitch: not reported
  std::array<std::uint32_t, kMaxHops> latency;                        ///< raw; kNoLatency: none
  std::array<std::uint32_t, kMaxHops> port_slot;    ///< row in the port table; kNoSlot: none
  std::array<std::uint16_t, kMaxHops> egress_port;  ///< low half of the port, for the path compare
  std::array<Interval, kMaxHops> latency_interval_of;
};
static_assert(sizeof(FlowRecord<FlowKey4>) == 192);
static_assert(sizeof(FlowRecord<FlowKey6>) == 256);

}  // namespace hopscope::pipeline
