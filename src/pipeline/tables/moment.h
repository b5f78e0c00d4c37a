#pragma once
// When something was seen, on both clocks: worked out once per report, stamped on its events.

#include <cstdint>

#include "pipeline/events/event.h"
#include "pipeline/tables/value_time.h"

namespace hopscope::pipeline {

struct Moment {
  std::uint32_t weight = 1;          ///< packets that the report stands for
  std::int64_t receive_time_ns = 0;  ///< since 1970
  std::int64_t now_ns = 0;           ///< of the AgeingClock
  std::uint32_t now_s = 0;           ///< the same in whole seconds
  std::uint32_t value_stamp = 0;     ///< stamp_of() it
  std::uint64_t switch_time = 0;
  std::uint32_t time_switch_id = 0;
  bool has_switch_time = false;

  void stamp(Event& event) const noexcept {
    event.receive_time_ns = receive_time_ns;
    event.has_switch_time = has_switch_time;
    event.switch_time = switch_time;
    event.time_switch_id = time_switch_id;
  }
};

[[nodiscard]] constexpr std::uint32_t seconds_of(std::int64_t time_ns) noexcept {
  return static_cast<std::uint32_t>(time_ns / 1'000'000'000);
}

}  // namespace hopscope::pipeline
