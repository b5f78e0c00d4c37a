#pragma once
// A worker's events of one batch: a small local buffer before the queue to the exporter, so that
// the queue is touched once per batch. An event that would not fit is refused before the caller
// changes anything: the row keeps its state, and the change is detected again with the next value.

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/assert.h"
#include "base/enum_count.h"
#include "base/single_writer.h"
#include "base/spsc_queue.h"
#include "pipeline/events/event.h"

namespace hopscope::pipeline {

class EventBuffer {
 public:
  explicit EventBuffer(SpscQueue<Event>& queue) noexcept : queue_(&queue) {}

  /// The next event to fill in, or null when the queue has no room (counted). Valid until the next
  /// call.
  [[nodiscard]] Event* claim(EventKind kind, Measurement measurement) noexcept {
    HOPSCOPE_ASSERT(kind < EventKind::kCount && measurement < Measurement::kCount);
    if (count_ == kCapacity) flush();
    if (count_ >= room_ && (room_ = std::min(queue_->room(), kCapacity), count_ >= room_)) {
      dropped_.add(1);
      return nullptr;
    }
    HOPSCOPE_ASSERT(count_ < kCapacity && count_ < room_);
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
    // claim() handed out no more events than the queue had room for, and only this side fills it.
    HOPSCOPE_ASSERT(count_ <= room_ && queue_->room() >= count_);
    queue_->push(events_.data(), count_);
    count_ = 0;
    room_ = 0;
  }

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.get(); }
  [[nodiscard]] std::uint64_t count(std::size_t kind) const noexcept {
    HOPSCOPE_ASSERT(kind < by_kind_.size());
    return by_kind_[kind].get();
  }

 private:
  static constexpr std::size_t kCapacity = 256;

  SpscQueue<Event>* queue_;
  std::size_t count_ = 0;
  std::size_t room_ = 0;  ///< events that the queue has room for; its consumer can only add to it
  std::array<Event, kCapacity> events_;
  Counter dropped_;
  std::array<Counter, kCountOf<EventKind>> by_kind_;
};

}  // namespace hopscope::pipeline
