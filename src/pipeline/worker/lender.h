#pragma once
// The frames of a worker on their way back to its source, the frames that it has lent to the owners
// of their flows, and those that it has borrowed. Used by that worker only.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/assert.h"
#include "io/frame_source.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/worker/loan_pool.h"
#include "pipeline/worker/message.h"
#include "pipeline/worker/worker_channel.h"

namespace hopscope::pipeline {

/// A frame of the worker's own source.
struct OwnFrame {
  static constexpr std::uint32_t kNoLoan = 0xFFFF'FFFF;

  Bytes bytes;
  FrameTime time;
  io::FrameHandle handle = 0;
  std::uint32_t loan = kNoLoan;  ///< kNoLoan until it is lent
};

class Lender {
 public:
  /// `source` may be null: no frames of its own.
  Lender(io::FrameSource* source, unsigned workers, WorkerChannels& channels)
      : source_(source),
        channels_(channels),
        loans_(workers > 1 && source != nullptr ? source->capacity() : 0) {}

  // --- frames of its own ------------------------------------------------------------------------
  /// Sends the frame to `owner`, another worker. False: no room there, or no loan is free.
  [[nodiscard]] bool lend(OwnFrame& frame, unsigned owner) noexcept;

  /// This worker is done with the frame: it goes back to the source, once those who borrowed it are
  /// done as well.
  void finish(const OwnFrame& frame) noexcept {
    if (frame.loan == OwnFrame::kNoLoan) {
      put_back(frame.handle);
    } else {
      give_back(frame.loan);
    }
  }

  /// The frame goes back to the source, at flush() at the latest. It was not lent.
  void put_back(io::FrameHandle handle) noexcept {
    HOPSCOPE_ASSERT(source_ != nullptr);
    if (done_count_ == done_.size()) flush();
    done_[done_count_++] = handle;
  }

  /// Releases what was put back.
  void flush() noexcept {
    if (done_count_ == 0) return;
    source_->release(done_.data(), done_count_);
    done_count_ = 0;
  }

  /// Takes the loans that others have returned; returns their number.
  std::size_t receive_returns() noexcept;

  [[nodiscard]] std::size_t loans_outstanding() const noexcept { return loans_.outstanding(); }

  // --- borrowed frames --------------------------------------------------------------------------
  /// Takes messages of worker `from`, which become the inbox: until the next call all frames that
  /// are returned are of that worker.
  [[nodiscard]] std::span<const Message> receive_messages(unsigned from) noexcept;

  /// A frame of the inbox goes back to its lender; its bytes are not read after this.
  void return_loan(std::uint32_t loan) noexcept;

 private:
  void give_back(std::uint32_t loan) noexcept;

  io::FrameSource* const source_;
  WorkerChannels& channels_;
  LoanPool loans_;
  std::array<io::FrameHandle, io::kBatch> done_;  ///< to be released
  std::size_t done_count_ = 0;
  std::array<Message, io::kBatch> inbox_;
  unsigned inbox_from_ = 0;
  std::array<std::uint32_t, io::kBatch> returned_;
};

}  // namespace hopscope::pipeline
