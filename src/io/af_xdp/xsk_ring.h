#pragma once
// The two rings that receiving needs, as the kernel lays them out (linux/if_xdp.h): indices run
// freely and are masked on access. One thread uses a ring; the kernel is at its other end.

#include <linux/if_xdp.h>

#include <atomic>
#include <cstdint>

// Newer than Debian's headers (Linux 6.6); the values are the kernel's ABI.
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

namespace hopscope::io {

/// What both rings have in common.
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
  /// Entries between the two ends now. Any thread.
  [[nodiscard]] std::uint32_t filled() const noexcept { return load_producer() - load_consumer(); }
  [[nodiscard]] bool needs_wakeup() const noexcept {
    return (std::atomic_ref<std::uint32_t>(*flags).load(std::memory_order_relaxed) &
            XDP_RING_NEED_WAKEUP) != 0;
  }
};

/// User space produces frame addresses for the kernel to fill.
class FillRing {
 public:
  explicit FillRing(const RingMemory& memory) noexcept : memory_(memory) {}

  /// Offers `count` frames; the ring is as large as the UMEM has frames, so there is always room.
  template <typename AddressOf>
  void offer(std::uint32_t count, const AddressOf& address_of) noexcept {
    const std::uint32_t at = *memory_.producer;
    auto* entries = static_cast<std::uint64_t*>(memory_.entries);
    for (std::uint32_t i = 0; i < count; ++i) {
      entries[(at + i) & (memory_.size - 1)] = address_of(i);
    }
    // The kernel may see the new index only after the addresses.
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

  /// Visits up to `limit` descriptors and gives their places back to the kernel.
  template <typename Visit>
  std::uint32_t take(std::uint32_t limit, const Visit& visit) noexcept {
    const std::uint32_t at = *memory_.consumer;
    if (cached_producer_ == at) cached_producer_ = memory_.load_producer();
    const std::uint32_t filled = cached_producer_ - at;
    const std::uint32_t count = filled < limit ? filled : limit;
    if (count == 0) return 0;
    const auto* entries = static_cast<const xdp_desc*>(memory_.entries);
    for (std::uint32_t i = 0; i < count; ++i) visit(entries[(at + i) & (memory_.size - 1)]);
    // The kernel may write these places again only after they were read.
    std::atomic_ref<std::uint32_t>(*memory_.consumer).store(at + count, std::memory_order_release);
    return count;
  }

  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }

 private:
  RingMemory memory_;
  std::uint32_t cached_producer_ = 0;
};

}  // namespace hopscope::io
