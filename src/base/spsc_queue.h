#pragma once
// A lock-free queue between two threads, one producer and one consumer: the calls of Boost.Lockfree
// that are used. Pushing never waits; the caller counts what did not fit.

#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>

#include "base/assert.h"
#include "base/fixed_array.h"

namespace hopscope {

/// Allocator for containers that allocate once, at start: the memory is touched then.
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
  explicit SpscQueue(std::size_t entries) : queue_(entries) { HOPSCOPE_ASSERT(entries > 0); }

  /// Producer. Pushes as many of the first items as fit; returns their number.
  std::size_t push(const T* items, std::size_t count) noexcept {
    const std::size_t pushed = queue_.push(items, count);
    HOPSCOPE_ASSERT(pushed <= count);
    return pushed;
  }
  [[nodiscard]] bool push(const T& item) noexcept { return queue_.push(item); }

  /// Consumer. Removes up to `count` items; returns their number.
  std::size_t pop(T* items, std::size_t count) noexcept {
    const std::size_t popped = queue_.pop(items, count);
    HOPSCOPE_ASSERT(popped <= count);
    return popped;
  }

  /// Producer: entries that are guaranteed to be free now.
  [[nodiscard]] std::size_t room() const noexcept { return queue_.write_available(); }
  /// Consumer: entries that are guaranteed to be there now.
  [[nodiscard]] std::size_t filled() const noexcept { return queue_.read_available(); }

 private:
  boost::lockfree::spsc_queue<T, boost::lockfree::allocator<ClaimedAllocator<T>>> queue_;
};

}  // namespace hopscope
