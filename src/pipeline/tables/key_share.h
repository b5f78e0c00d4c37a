#pragma once
// Which worker owns a key: the hash of the key decides, so that all workers agree without asking.

#include <cstdint>

#include "base/assert.h"

namespace hopscope::pipeline {

/// One worker's share of all keys.
class KeyShare {
 public:
  KeyShare(unsigned index, unsigned workers) noexcept : index_(index), workers_(workers) {
    HOPSCOPE_ASSERT(index < workers);
  }

  [[nodiscard]] unsigned index() const noexcept { return index_; }
  [[nodiscard]] unsigned workers() const noexcept { return workers_; }

  /// The owner of the key with this hash.
  [[nodiscard]] unsigned owner_of(std::uint64_t hash) const noexcept {
    return workers_ == 1 ? 0 : static_cast<unsigned>(((hash >> 32) * workers_) >> 32);
  }
  [[nodiscard]] bool owns(std::uint64_t hash) const noexcept { return owner_of(hash) == index_; }

 private:
  const unsigned index_;
  const unsigned workers_;
};

}  // namespace hopscope::pipeline
