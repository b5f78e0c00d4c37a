#pragma once
// Which worker keeps the account of a sender's sequence numbers: the one that saw it first. The
// reports of a sender mostly come by one queue, so that their numbers need not be told to others.

#include <atomic>
#include <bit>
#include <cstdint>

#include "base/assert.h"
#include "base/fixed_array.h"

namespace hopscope::pipeline {

class SenderOwners {
 public:
  /// `senders`: capacity; the owner of further ones is decided by the hash.
  SenderOwners(std::uint32_t senders, unsigned workers)
      : places_(std::bit_ceil(std::uint64_t{2} * senders + kProbes)), workers_(workers) {}

  /// The owner of the sender with this hash; `claimant` where there is none yet. Any worker.
  [[nodiscard]] unsigned owner_of(std::uint64_t hash, unsigned claimant) noexcept {
    HOPSCOPE_ASSERT(claimant < workers_);
    const std::uint64_t wanted = (hash | kTaken) & ~kOwner;
    for (std::size_t i = 0; i < kProbes; ++i) {
      const std::atomic_ref<std::uint64_t> place(
          places_[((hash >> 32) + i) & (places_.size() - 1)]);
      std::uint64_t seen = place.load(std::memory_order_relaxed);
      // The word says all there is to know: nothing else is published with it.
      if (seen == 0 &&
          place.compare_exchange_strong(seen, wanted | claimant, std::memory_order_relaxed)) {
        return claimant;
      }
      if ((seen & ~kOwner) == wanted) return static_cast<unsigned>(seen & kOwner);
    }
    return static_cast<unsigned>(hash % workers_);
  }

 private:
  static constexpr std::size_t kProbes = 8;
  static constexpr std::uint64_t kOwner = 0xFF;   ///< bits with the worker
  static constexpr std::uint64_t kTaken = 0x100;  ///< so that no place in use is 0

  FixedArray<std::uint64_t> places_;  ///< hash and owner
  unsigned workers_;
};

}  // namespace hopscope::pipeline
