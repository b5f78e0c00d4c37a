#include "pipeline/clocks.h"

namespace hopscope::pipeline {
namespace {

/// The units of both, if one clock can be compared with the other.
const Units* common_units(const Hop& a, const Hop& b, const UnitTable& units) noexcept {
  const Units& first = units[a.units];
  const Units& second = units[b.units];
  const bool agree = first.clock != 0 && first.clock == second.clock &&
                     first.time_to_ns == second.time_to_ns && a.wide_time == b.wide_time;
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

std::optional<std::uint64_t> flow_latency_ns(const Hop& source, const Hop& sink,
                                             const UnitTable& units) noexcept {
  const Units* common = common_units(source, sink, units);
  if (common == nullptr || !source.has_ingress_time || !sink.has_egress_time) return std::nullopt;
  return passed_ns(source.ingress_time, sink.egress_time, sink.wide_time, *common);
}

std::optional<std::uint64_t> link_latency_ns(const Hop& from, const Hop& to,
                                             const UnitTable& units) noexcept {
  const Units* common = common_units(from, to, units);
  if (common == nullptr || !from.has_egress_time || !to.has_ingress_time) return std::nullopt;
  return passed_ns(from.egress_time, to.ingress_time, to.wide_time, *common);
}

}  // namespace hopscope::pipeline
