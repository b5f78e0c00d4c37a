#pragma once
// Frames that a worker has lent to the owners of their flows. A datagram with several reports may
// be lent to several owners; the frame goes back to its source with the last return. Used by the
// lending worker only.

#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "io/frame_batch.h"

namespace hopscope::pipeline {

class LoanPool {
 public:
  explicit LoanPool(std::size_t capacity) : loans_(capacity) {
    free_.reserve(capacity);
    for (std::size_t i = capacity; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
  }

  [[nodiscard]] bool empty() const noexcept { return free_.empty(); }
  [[nodiscard]] std::size_t outstanding() const noexcept { return loans_.size() - free_.size(); }

  /// Opens a loan with one holder: the lender itself. Not when empty().
  [[nodiscard]] std::uint32_t open(io::FrameHandle handle) noexcept {
    HOPSCOPE_ASSERT(!empty());
    const std::uint32_t loan = free_.back();
    free_.pop_back();
    loans_[loan] = {.handle = handle, .holders = 1};
    return loan;
  }
  void add_holder(std::uint32_t loan) noexcept {
    HOPSCOPE_ASSERT(loan < loans_.size() && loans_[loan].holders > 0);
    ++loans_[loan].holders;
  }

  /// One holder less; true with the last one, and then `handle` may go back to the source.
  [[nodiscard]] bool give_back(std::uint32_t loan, io::FrameHandle& handle) noexcept {
    HOPSCOPE_ASSERT(loan < loans_.size() && loans_[loan].holders > 0);
    if (--loans_[loan].holders != 0) return false;
    handle = loans_[loan].handle;
    free_.push_back(loan);
    return true;
  }

 private:
  struct Loan {
    io::FrameHandle handle = 0;
    std::uint32_t holders = 0;
  };
  std::vector<Loan> loans_;
  std::vector<std::uint32_t> free_;  ///< capacity reserved: never allocates after start
};

}  // namespace hopscope::pipeline
