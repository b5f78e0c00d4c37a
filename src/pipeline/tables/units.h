#pragma once
// A switch's units as the workers need them: integer factors, and the interval rules in raw units.
// One entry per different profile, made at start; rows refer to it by index.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pipeline/events/intervals.h"
#include "pipeline/events/options.h"

namespace hopscope::pipeline {

struct Units {
  /// ns = raw * latency_to_ns / 2^16, and likewise for differences of timestamps.
  std::uint64_t latency_to_ns = 1ULL << 16;
  std::uint64_t time_to_ns = 1ULL << 16;
  std::uint16_t clock = 0;  ///< equal numbers above 0: their clocks agree
  IntervalRule hop_latency;
  IntervalRule tx_utilization;
  IntervalRule queue_occupancy;
  IntervalRule queue_congestion;

  friend bool operator==(const Units&, const Units&) = default;

  [[nodiscard]] std::uint64_t latency_ns(std::uint64_t raw) const noexcept {
    return scale(raw, latency_to_ns);
  }
  [[nodiscard]] std::uint64_t time_ns(std::uint64_t raw) const noexcept {
    return scale(raw, time_to_ns);
  }

 private:
  static std::uint64_t scale(std::uint64_t raw, std::uint64_t factor) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(raw) * factor) >> 16);
  }
};

/// All units and rules of a configuration; immutable after construction, shared by all workers.
class UnitTable {
 public:
  UnitTable(const SwitchOptions& switches, const EventOptions& events);

  [[nodiscard]] const Units& operator[](std::uint32_t index) const noexcept {
    return units_[index];
  }
  /// For a new switch row only: a binary search.
  [[nodiscard]] std::uint32_t index_of(std::uint32_t switch_id) const noexcept;

  /// Some switches have clocks that agree.
  [[nodiscard]] bool has_clocks() const noexcept { return !clocks_.empty(); }

  /// All switches have the same units and rules: those at index 0.
  [[nodiscard]] bool is_uniform() const noexcept { return units_.size() == 1; }

  [[nodiscard]] const IntervalRule& flow_latency() const noexcept { return flow_latency_; }

 private:
  [[nodiscard]] Units make_units(const SwitchProfile& profile, const EventOptions& events);

  std::map<std::string, std::uint16_t> clocks_;
  std::vector<Units> units_;  ///< [0] is for switches without an entry of their own
  std::vector<std::pair<std::uint32_t, std::uint32_t>> by_switch_;  ///< ascending switch id
  IntervalRule flow_latency_;
};

}  // namespace hopscope::pipeline
