#include "pipeline/worker/lender.h"

namespace hopscope::pipeline {

bool Lender::lend(OwnFrame& frame, unsigned owner) noexcept {
  if (frame.loan == OwnFrame::kNoLoan) {
    if (loans_.empty()) return false;
    frame.loan = loans_.open(frame.handle);
  }
  const bool is_sent =
      channels_.send(owner, FrameLoan{.data = frame.bytes.data(),
                                      .length = static_cast<std::uint32_t>(frame.bytes.size()),
                                      .loan = frame.loan,
                                      .time = frame.time});
  if (is_sent) loans_.add_holder(frame.loan);
  return is_sent;
}

void Lender::give_back(std::uint32_t loan) noexcept {
  io::FrameHandle handle = 0;
  if (loans_.give_back(loan, handle)) put_back(handle);
}

std::size_t Lender::receive_returns() noexcept {
  std::size_t work = 0;
  for (WorkerChannel* channel : channels_.to()) {
    if (channel == nullptr) continue;
    const std::size_t count = channel->returns.pop(returned_.data(), returned_.size());
    for (std::size_t i = 0; i < count; ++i) give_back(returned_[i]);
    work += count;
  }
  flush();
  return work;
}

std::span<const Message> Lender::receive_messages(unsigned from) noexcept {
  HOPSCOPE_ASSERT(from < channels_.from().size() && channels_.from()[from] != nullptr);
  inbox_from_ = from;
  const std::size_t count = channels_.from()[from]->messages.pop(inbox_.data(), inbox_.size());
  return {inbox_.data(), count};
}

void Lender::return_loan(std::uint32_t loan) noexcept {
  const bool is_returned = channels_.from()[inbox_from_]->returns.push(loan);
  // The queue has room for every frame that the lender can have out.
  HOPSCOPE_ASSERT(is_returned);
  (void)is_returned;
}

}  // namespace hopscope::pipeline
