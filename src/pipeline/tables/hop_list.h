#pragma once
// The hops of one report: what the tables need of them and nothing else. [0] is nearest to the
// sink, as on the wire.

#include <array>
#include <cstdint>

#include "pipeline/decode/hop_plan.h"
#include "pipeline/events/event.h"
#include "pipeline/report/metadata.h"
#include "pipeline/report/report.h"
#include "pipeline/tables/flow_record.h"
#include "pipeline/tables/units.h"

namespace hopscope::pipeline {

/// What one hop says.
struct Hop {
  std::uint32_t switch_id = kNoSwitch;
  std::uint32_t port = kNoPort;        ///< egress port
  std::uint32_t latency = kNoLatency;  ///< raw
  bool has_tx = false;
  bool has_occupancy = false;
  bool has_congestion = false;
  bool has_time = false;
  std::uint32_t tx_utilization = 0;
  std::uint32_t queue = 0;
  std::uint32_t occupancy = 0;
  std::uint32_t congestion_queue = 0;
  std::uint32_t congestion = 0;
  std::uint64_t time = 0;  ///< egress time, else ingress time
};

/// The times of a hop whose switch has a clock that agrees with others.
struct HopTimes {
  bool has_ingress = false;
  bool has_egress = false;
  bool wide = false;        ///< 64 bits
  std::uint32_t units = 0;  ///< index in the UnitTable; 0: compares with no other
  std::uint32_t ingress_port = kNoPort;
  std::uint64_t ingress = 0;
  std::uint64_t egress = 0;
};

struct HopList {
  std::uint32_t length = 0;    ///< hops of the packet, those beyond kMaxHops included
  std::uint32_t count = 0;     ///< hops held here
  bool postcard = false;       ///< one node's own report, not a stack
  bool timed = false;          ///< timed_ns holds
  std::uint64_t timed_ns = 0;  ///< from the source's ingress to the sink's egress by their clocks
  std::array<Hop, kMaxHops> hop;
  std::array<HopTimes, kMaxHops> times;  ///< of hop[i]; set only where some clocks agree
};

/// Reads hops out of reports; remembers the plan of the last stack.
class HopReader {
 public:
  explicit HopReader(const UnitTable& units) noexcept : units_(units) {}

  /// The stack with, in front of it, what the reporting node says of itself in the report header
  /// where it is not on top of the stack already (report 2.0 section 3.3); or that alone.
  void read(const Report& report, HopList& list) noexcept;

  /// Hop `index` of a stack that stands alone.
  void read_one(const IntStack& stack, std::uint32_t index, Hop& hop) noexcept;

  /// Hop `index` of the list that did not fit in it (index >= kMaxHops).
  void read_further(const Report& report, const HopList& list, std::uint32_t index, Hop& hop,
                    HopTimes& times) noexcept;

 private:
  void convert(const Metadata& metadata, bool wide_times, bool at_sink, Hop& hop,
               HopTimes& times) const noexcept;
  const HopPlan& plan(const IntStack& stack) noexcept;

  const UnitTable& units_;
  HopPlan plan_{};
  bool has_plan_ = false;
};

}  // namespace hopscope::pipeline
