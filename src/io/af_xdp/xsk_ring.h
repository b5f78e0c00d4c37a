#pragma once
// The two rings for receiving, in the kernel's layout (linux/if_xdp.h): indices increase without
// bound and are masked on access. One thread uses a ring; the kernel is at its other end.

#include <linux/if_xdp.h>

#include <atomic>
#include <cstdint>

#include "base/assert.h"

// Newer than Debian's headers (Linux 6.6); the values are the kernel's ABI.
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

namespace hopscope::io {

/// The shared memory of a ring.
struct RingMemory {
  std::uint32_t* producer = nullptr;
  std::uint32_t* consumer = nullptr;
  std::uint32_t* flags = nullptr;
  void* entries = nullptr;
  std::uint32_t size = 0;  ///< entries, a power of two

  [[nodiscard]] std::uint32_t load_producer() const noexcept {
    return std::atomic_ref<std::uint32_t>(*producer).load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint32_t load_consumer() const noexcept {
    return std::atomic_ref<std::uint32_t>(*consumer).load(std::memory_order_acquire);
  }
  /// Number of filled entries now. Any thread.
  [[nodiscard]] std::uint32_t filled() const noexcept { return load_producer() - load_consumer(); }
  [[nodiscard]] bool needs_wakeup() const noexcept {
    return (std::atomic_ref<std::uint32_t>(*flags).load(std::memory_order_relaxed) &
            XDP_RING_NEED_WAKEUP) != 0;
  }
};

/// User space produces the addresses of free frames for the kernel to fill.
class FillRing {
 public:
  explicit FillRing(const RingMemory& memory) noexcept : memory_(memory) {}

  /// Adds `count` free frames. There is always room, because the ring has an entry for each frame
  /// of the UMEM.
  template <typename AddressOf>
  void offer(std::uint32_t count, const AddressOf& address_of) noexcept {
    const std::uint32_t at = *memory_.producer;
    HOPSCOPE_ASSERT(count <= memory_.size - memory_.filled());  // no frame is offered twice
    auto* entries = static_cast<std::uint64_t*>(memory_.entries);
    for (std::uint32_t i = 0; i < count; ++i) {
      entries[(at + i) & (memory_.size - 1)] = address_of(i);
    }
    // Release: the kernel must see the addresses before the new index.
    std::atomic_ref<std::uint32_t>(*memory_.producer).store(at + count, std::memory_order_release);
  }

  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }

 private:
  RingMemory memory_;
};

/// The kernel produces descriptors of received frames.
class RxRing {
 public:
  explicit RxRing(const RingMemory& memory) noexcept : memory_(memory) {}

  /// Visits up to `limit` descriptors and frees their entries for the kernel; returns their number.
  template <typename Visit>
  std::uint32_t take(std::uint32_t limit, const Visit& visit) noexcept {
    const std::uint32_t at = *memory_.consumer;
    if (cached_producer_ == at) cached_producer_ = memory_.load_producer();
    const std::uint32_t filled = cached_producer_ - at;
    const std::uint32_t count = filled < limit ? filled : limit;
    HOPSCOPE_ASSERT(filled <= memory_.size);
    if (count == 0) return 0;
    const auto* entries = static_cast<const xdp_desc*>(memory_.entries);
    for (std::uint32_t i = 0; i < count; ++i) visit(entries[(at + i) & (memory_.size - 1)]);
    // Release: the kernel must not overwrite the entries before they were read.
    std::atomic_ref<std::uint32_t>(*memory_.consumer).store(at + count, std::memory_order_release);
    return count;
  }

  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }

 private:
  RingMemory memory_;
  std::uint32_t cached_producer_ = 0;
};

}  // namespace hopscope::io
