#pragma once
// The queues between workers. A full queue never waits: what does not fit is dropped and counted.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/spsc_queue.h"
#include "pipeline/worker/message.h"
#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

/// The queues between one ordered pair of workers.
struct WorkerChannel {
  WorkerChannel(std::size_t messages_entries, std::size_t returns_entries)
      : messages(messages_entries), returns(returns_entries) {}

  SpscQueue<Message> messages;       ///< from the first to the second
  SpscQueue<std::uint32_t> returns;  ///< loans of the first, from the second back to the first
};

/// All channels of one worker. Used by that worker only.
class WorkerChannels {
 public:
  using List = std::vector<WorkerChannel*>;

  explicit WorkerChannels(WorkerCounters& counters) noexcept : counters_(counters) {}

  /// By worker; null at the index of this worker itself.
  void connect(List to, List from) {
    HOPSCOPE_ASSERT(to.size() == from.size());
    to_ = std::move(to);
    from_ = std::move(from);
  }

  [[nodiscard]] const List& to() const noexcept { return to_; }
  [[nodiscard]] const List& from() const noexcept { return from_; }

  /// False: no room, which the caller counts.
  [[nodiscard]] bool send(unsigned to, const FrameLoan& loan) noexcept {
    Message message;
    message.kind = Message::Kind::kFrame;
    message.frame = loan;
    return push(to, message);
  }

  /// A message of kind kChange or kInterval. False: no room; counted in changes_dropped.
  bool send(unsigned to, Message::Kind kind, const RowChange& change) noexcept {
    HOPSCOPE_ASSERT(kind == Message::Kind::kChange || kind == Message::Kind::kInterval);
    Message message;
    message.kind = kind;
    message.change = change;
    return push_counted(to, message);
  }

  /// False: no room; counted in changes_dropped.
  bool send(unsigned to, const SequenceNumber& number) noexcept {
    Message message;
    message.kind = Message::Kind::kSequence;
    message.sequence = number;
    return push_counted(to, message);
  }

 private:
  [[nodiscard]] bool push(unsigned to, const Message& message) noexcept {
    HOPSCOPE_ASSERT(to < to_.size() && to_[to] != nullptr);
    return to_[to]->messages.push(message);
  }

  bool push_counted(unsigned to, const Message& message) noexcept {
    if (push(to, message)) return true;
    counters_.changes_dropped.add(1);
    return false;
  }

  WorkerCounters& counters_;
  List to_;
  List from_;
};

}  // namespace hopscope::pipeline
