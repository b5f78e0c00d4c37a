#pragma once
// The egress ports of a stack's hops, all at once: does every value stay in its interval? Then the
// rows take the values without another question (PortState::take_stack).

#include <array>
#include <cstdint>

#include "pipeline/hop_columns.h"
#include "pipeline/instruction_set.h"
#include "pipeline/port_table.h"

namespace hopscope::pipeline {

/// Intervals of all switches.
struct PortRules {
  PortRules(const IntervalRule& tx, const IntervalRule& occupancy_rule) noexcept
      : tx_utilization(tx), occupancy(occupancy_rule) {}

  LaneIntervals tx_utilization;
  LaneIntervals occupancy;
};

/// The rows of a stack's hops; behind the last hop there is a row as well, no matter which.
struct PortsOfStack {
  std::array<PortRow*, kMaxHops> row;
  /// The place for its queue, if it is of the row's group. Only where there are queues.
  std::array<std::uint32_t*, kMaxHops> queue;
};

/// Finds the places: hop i's row is rows[slots[i]], for kMaxHops of them. True: nothing happens at
/// any of the ports. False: something may. `columns` are regular.
using StayAtPorts = bool (*)(const PortRules& rules, PortRow* rows, const std::uint32_t* slots,
                             const HopColumns& columns, const ColumnPlan& plan,
                             PortsOfStack& ports) noexcept;

[[nodiscard]] StayAtPorts port_comparer(InstructionSet set, const PortRules& rules) noexcept;

}  // namespace hopscope::pipeline
