#pragma once
// Who decides on the events of ports and queues: for each key one worker, its owner. Workers that
// see a value leave its interval tell the owner, the owner compares with what it knows and decides
// once, so that an event is neither doubled nor missed however many workers see the key.

#include <cstdint>

#include "pipeline/events/event_buffer.h"
#include "pipeline/events/options.h"
#include "pipeline/tables/change_router.h"
#include "pipeline/tables/port_table.h"

namespace hopscope::pipeline {

/// What the owner knows of one measurement of one key.
struct AuthorityRow {
  std::uint32_t sequence;
  std::uint32_t value;  ///< of the newest event
  std::int64_t now_ns;  ///< of the newest change
  std::uint32_t last_event_s;
  Interval interval;
  std::uint16_t known;  ///< 0: no event yet
};

class Authority {
 public:
  Authority(const TableOptions& tables, const EventOptions& events, const HashSeed& seed,
            EventBuffer& event_buffer);

  enum class Verdict : std::uint8_t {
    kAccepted,  ///< an event went out, or none was due; all workers are to have change.interval
    kKnown,     ///< nothing new
    kRefused,   ///< older than what is known, or no room for the event: `change.interval` was set
                ///< to the interval that the sender is to go back to
  };

  [[nodiscard]] Verdict decide(RowChange& change) noexcept;

 private:
  [[nodiscard]] bool emit(EventKind kind, const RowChange& change,
                          const AuthorityRow* old) noexcept;

  const bool new_key_;
  const std::uint32_t refresh_s_;
  const std::uint32_t idle_timeout_s_;
  const HashSeed seed_;
  EventBuffer& events_;
  RowTable<AuthorityRow> rows_;
};

}  // namespace hopscope::pipeline
