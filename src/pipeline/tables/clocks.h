#pragma once
// Times of different switches, compared: only where the configuration says that their clocks agree.

#include <cstdint>
#include <optional>

#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/units.h"

namespace hopscope::pipeline {

/// Ticks from `from` to `to`, as passed_ns() counts them.
[[nodiscard]] std::optional<std::uint64_t> passed_ticks(std::uint64_t from, std::uint64_t to,
                                                        bool wide) noexcept;

/// ns from `from` to `to` on clocks of the same unit; modulo their width. Clocks that are narrower
/// than their 64-bit field (48 bits on Tofino) may have wrapped. Nothing where `to` is before
/// `from`.
[[nodiscard]] std::optional<std::uint64_t> passed_ns(std::uint64_t from, std::uint64_t to,
                                                     bool wide, const Units& units) noexcept;

/// From the source's ingress to the sink's egress.
[[nodiscard]] std::optional<std::uint64_t> flow_latency_ns(const HopTimes& source,
                                                           const HopTimes& sink,
                                                           const UnitTable& units) noexcept;

/// From `from`'s egress to `to`'s ingress, its next hop.
[[nodiscard]] std::optional<std::uint64_t> link_latency_ns(const HopTimes& from, const HopTimes& to,
                                                           const UnitTable& units) noexcept;

}  // namespace hopscope::pipeline
