#include "pipeline/tables/clocks.h"

namespace hopscope::pipeline {
namespace {

/// The units of both, if one clock can be compared with the other.
const Units* common_units(const HopTimes& a, const HopTimes& b, const UnitTable& units) noexcept {
  const Units& first = units[a.units];
  const Units& second = units[b.units];
  const bool agree = first.clock != 0 && first.clock == second.clock &&
                     first.time_to_ns == second.time_to_ns && a.wide == b.wide;
  return agree ? &first : nullptr;
}

}  // namespace

std::optional<std::uint64_t> passed_ticks(std::uint64_t from, std::uint64_t to,
                                          bool wide) noexcept {
  constexpr std::uint64_t k48Bits = std::uint64_t{1} << 48;
  std::uint64_t passed = to - from;
  std::uint64_t turn = 0;  // 2^64
  if (!wide) {
    turn = std::uint64_t{1} << 32;
  } else if (to < from && from < k48Bits) {
    turn = k48Bits;
  }
  if (turn != 0) passed &= turn - 1;
  // More than half the range is a time before, not a long time after.
  const std::uint64_t half = turn != 0 ? turn / 2 : std::uint64_t{1} << 63;
  if (passed >= half) return std::nullopt;
  return passed;
}

std::optional<std::uint64_t> passed_ns(std::uint64_t from, std::uint64_t to, bool wide,
                                       const Units& units) noexcept {
  const std::optional<std::uint64_t> ticks = passed_ticks(from, to, wide);
  if (!ticks) return std::nullopt;
  return units.time_ns(*ticks);
}

std::optional<std::uint64_t> flow_latency_ns(const HopTimes& source, const HopTimes& sink,
                                             const UnitTable& units) noexcept {
  const Units* common = common_units(source, sink, units);
  if (common == nullptr || !source.has_ingress || !sink.has_egress) return std::nullopt;
  return passed_ns(source.ingress, sink.egress, sink.wide, *common);
}

std::optional<std::uint64_t> link_latency_ns(const HopTimes& from, const HopTimes& to,
                                             const UnitTable& units) noexcept {
  const Units* common = common_units(from, to, units);
  if (common == nullptr || !from.has_egress || !to.has_ingress) return std::nullopt;
  return passed_ns(from.egress, to.ingress, to.wide, *common);
}

}  // namespace hopscope::pipeline
