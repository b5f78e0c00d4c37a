#pragma once
// What one worker tells another, by value, in one cache line.

#include <cstdint>
#include <type_traits>

#include "pipeline/ageing_clock.h"
#include "pipeline/deviation.h"
#include "pipeline/event.h"
#include "pipeline/intervals.h"
#include "pipeline/key.h"
#include "pipeline/single_writer.h"

namespace hopscope::pipeline {

/// A frame with a report of a flow that the receiver owns. The bytes stay the sender's; `loan` goes
/// back through the returns queue when the receiver is done.
struct FrameLoan {
  const std::uint8_t* data;
  std::uint32_t length;
  std::uint32_t loan;
  FrameTime time;
};

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

/// One sequence number, for the worker that keeps the account of its sender.
struct SequenceNumber {
  IpAddress source;
  std::uint8_t hw_id;
  std::uint8_t bits;
  std::uint8_t version;      ///< of the report
  DeviationMask deviations;  ///< seen in the report
  std::uint32_t switch_id;
  std::uint32_t number;
  FrameTime time;
};

struct alignas(kCacheLine) Message {
  enum class Kind : std::uint8_t {
    kFrame,
    kChange,    ///< to the key's owner
    kInterval,  ///< from the owner to all others: this is the interval now
    kSequence,
  };

  Kind kind = Kind::kFrame;
  union {
    FrameLoan frame;
    RowChange change;
    SequenceNumber sequence;
  };

  Message() noexcept : frame{} {}
};
static_assert(sizeof(Message) == kCacheLine && std::is_trivially_copyable_v<Message>);

}  // namespace hopscope::pipeline
