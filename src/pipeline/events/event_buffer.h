#pragma once
// Where a worker puts its events: a small local buffer in front of the queue to the exporter, so
// that the queue is touched once per batch. What would not fit is refused before anything else is
// changed, so that the caller can leave the row as it was and see the change again.

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/enum_count.h"
#include "base/single_writer.h"
#include "base/spsc_queue.h"
#include "pipeline/events/event.h"

namespace hopscope::pipeline {

class EventBuffer {
 public:
  explicit EventBuffer(SpscQueue<Event>& queue) noexcept : queue_(&queue) {}

  /// A place for an event, or null when the exporter is too far behind (counted).
  [[nodiscard]] Event* claim(EventKind kind, Measurement measurement) noexcept {
    if (count_ == kCapacity) flush();
    if (count_ >= room_ && (room_ = std::min(queue_->room(), kCapacity), count_ >= room_)) {
      dropped_.add(1);
      return nullptr;
    }
    Event& event = events_[count_++];
    event = Event{};
    event.kind = kind;
    event.measurement = measurement;
    by_kind_[static_cast<std::size_t>(kind)].add(1);
    return &event;
  }

  /// At the end of a batch.
  void flush() noexcept {
    if (count_ == 0) return;
    queue_->push(events_.data(), count_);  // claim() made sure of the room
    count_ = 0;
    room_ = 0;
  }

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.get(); }
  [[nodiscard]] std::uint64_t count(std::size_t kind) const noexcept {
    return by_kind_[kind].get();
  }

 private:
  static constexpr std::size_t kCapacity = 256;

  SpscQueue<Event>* queue_;
  std::size_t count_ = 0;
  std::size_t room_ = 0;  ///< events that the queue surely takes; only the consumer adds to it
  std::array<Event, kCapacity> events_;
  Counter dropped_;
  std::array<Counter, kCountOf<EventKind>> by_kind_;
};

}  // namespace hopscope::pipeline
