#pragma once
// A change of a port's or queue's row, and its way to the worker that owns the key.

#include <cstdint>

#include "pipeline/events/event.h"
#include "pipeline/events/intervals.h"

namespace hopscope::pipeline {

/// A port's or queue's value left its interval or came for the first time; or, with `refresh`, is
/// told again after a time of rest.
struct RowChange {
  std::uint64_t switch_time;
  std::int64_t receive_time_ns;
  std::int64_t now_ns;  ///< of the AgeingClock
  std::uint32_t switch_id;
  std::uint32_t port;
  std::uint32_t queue;
  std::uint32_t value;
  std::uint32_t time_switch_id;  ///< whose clock switch_time is
  Measurement measurement;
  Interval interval;  ///< of the new value
  bool has_switch_time;
  bool refresh;
};

class ChangeRouter {
 public:
  ChangeRouter() = default;
  ChangeRouter(const ChangeRouter&) = delete;
  ChangeRouter& operator=(const ChangeRouter&) = delete;

  /// False: there was no room. Then the row keeps its interval and the change is seen again.
  [[nodiscard]] virtual bool route(const RowChange& change) noexcept = 0;

 protected:
  ~ChangeRouter() = default;
};

}  // namespace hopscope::pipeline
