#pragma once
// The egress ports of a stack's hops, all at once: does every value stay in its interval? Then the
// rows take the values without another question (PortState::take_stack).

#include <array>
#include <cstdint>

#include "pipeline/simd/hop_columns.h"
#include "pipeline/simd/instruction_set.h"
#include "pipeline/tables/port_table.h"

namespace hopscope::pipeline {

/// Intervals of all switches.
struct PortRules {
  PortRules(const IntervalRule& tx, const IntervalRule& occupancy_rule) noexcept
      : tx_utilization(tx),
        occupancy(occupancy_rule),
        has_lanes(tx_utilization.fits && occupancy.fits) {}

  LaneIntervals tx_utilization;
  LaneIntervals occupancy;
  bool has_lanes;  ///< for vectors
};

/// The rows of a stack's hops; behind the last hop there is a row as well, no matter which.
struct PortsOfStack {
  std::array<PortRow*, kMaxHops> row;
  /// The place for its queue, if it is of the row's group. Only where there are queues.
  std::array<std::uint32_t*, kMaxHops> queue;
  std::array<std::uint32_t, kMaxHops> occupancy;  ///< of that queue, without its id
  bool have_age;  ///< surely all of them had a report in this second already
};

/// Finds the rows and lets the caller look at each.
void find_ports(PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
                const ColumnPlan& plan, PortsOfStack& ports) noexcept;
#if defined(__x86_64__)
/// As stay_at_ports(), where rules.has_lanes.
[[nodiscard]] bool stay_avx2(const PortRules& rules, PortRow* rows, const std::uint32_t* slots,
                             const HopColumns& columns, const ColumnPlan& plan, std::uint16_t age,
                             PortsOfStack& ports) noexcept;
#endif

/// Finds the places: hop i's row is rows[slots[i]], for kMaxHops of them. True: nothing happens at
/// any of the ports. False: something may. `columns` are regular; `age`: PortRow::age of now.
template <InstructionSet kSet>
[[nodiscard, gnu::always_inline]] inline bool stay_at_ports(
    const PortRules& rules, PortRow* rows, const std::uint32_t* slots, const HopColumns& columns,
    const ColumnPlan& plan, [[maybe_unused]] std::uint16_t age, PortsOfStack& ports) noexcept {
#if defined(__x86_64__)
  if constexpr (kSet != InstructionSet::kScalar) {
    if (rules.has_lanes) [[likely]]
      return stay_avx2(rules, rows, slots, columns, plan, age, ports);
  }
#endif
  find_ports(rows, slots, columns, plan, ports);
  return false;
}

}  // namespace hopscope::pipeline
