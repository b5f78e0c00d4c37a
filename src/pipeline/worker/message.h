#pragma once
// What one worker tells another, by value, in one cache line.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/single_writer.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/change_router.h"
#include "pipeline/tables/sender.h"

namespace hopscope::pipeline {

/// A frame with a report of a flow that the receiver owns. The bytes stay the sender's; `loan` goes
/// back through the returns queue when the receiver is done.
struct FrameLoan {
  const std::uint8_t* data;
  std::uint32_t length;
  std::uint32_t loan;
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
