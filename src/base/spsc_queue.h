#pragma once
// The lock-free queues between two threads: Boost.Lockfree behind the few calls that are used.
// Pushing never waits: what does not fit is the caller's to count.

#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>

#include "base/fixed_array.h"

namespace hopscope {

/// For containers that allocate once, at start: memory that is touched then.
template <typename T>
struct ClaimedAllocator {
  using value_type = T;

  ClaimedAllocator() = default;
  template <typename Other>
  explicit ClaimedAllocator(const ClaimedAllocator<Other>& /*other*/) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(claim_memory(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept {
    return_memory(memory, count * sizeof(T));
  }

  friend bool operator==(const ClaimedAllocator&, const ClaimedAllocator&) = default;
};

template <typename T>
class SpscQueue {
 public:
  explicit SpscQueue(std::size_t entries) : queue_(entries) {}

  /// Producer. Pushes the first so many of `count` that there is room for; returns their number.
  std::size_t push(const T* items, std::size_t count) noexcept { return queue_.push(items, count); }
  [[nodiscard]] bool push(const T& item) noexcept { return queue_.push(item); }

  /// Consumer. Takes up to `count`; returns their number.
  std::size_t pop(T* items, std::size_t count) noexcept { return queue_.pop(items, count); }

  /// Producer: entries that are surely free now.
  [[nodiscard]] std::size_t room() const noexcept { return queue_.write_available(); }
  /// Consumer: entries that are surely there now.
  [[nodiscard]] std::size_t filled() const noexcept { return queue_.read_available(); }

 private:
  boost::lockfree::spsc_queue<T, boost::lockfree::allocator<ClaimedAllocator<T>>> queue_;
};

}  // namespace hopscope
