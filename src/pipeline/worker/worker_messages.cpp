// What a worker has to do with the others: frames lent and borrowed, changes of rows, intervals.

#include "pipeline/simd/compiled_for.h"
#include "pipeline/worker/worker_line.h"

namespace hopscope::pipeline {

bool Worker::lend(Frame& frame, unsigned owner) noexcept {
  if (frame.loan == kNoLoan) {
    if (loans_.empty()) return false;
    frame.loan = loans_.open(frame.handle);
  }
  Message message;
  message.kind = Message::Kind::kFrame;
  message.frame = {.data = frame.bytes.data(),
                   .length = static_cast<std::uint32_t>(frame.bytes.size()),
                   .loan = frame.loan,
                   .time = frame.time};
  if (!to_[owner]->messages.push(message)) return false;
  loans_.add_holder(frame.loan);
  return true;
}

void Worker::give_back(std::uint32_t loan) noexcept {
  io::FrameHandle handle = 0;
  if (!loans_.give_back(loan, handle)) return;
  put_back(handle);
}

void Worker::put_back(io::FrameHandle handle) noexcept {
  if (done_count_ == done_.size()) flush_returns();
  done_[done_count_++] = handle;
}

void Worker::flush_returns() noexcept {
  if (done_count_ == 0) return;
  source_->release(done_.data(), done_count_);
  done_count_ = 0;
}

std::size_t Worker::take_returns() noexcept {
  std::size_t work = 0;
  for (Link* link : to_) {
    if (link == nullptr) continue;
    const std::size_t count = link->returns.pop(returned_.data(), returned_.size());
    for (std::size_t i = 0; i < count; ++i) give_back(returned_[i]);
    work += count;
  }
  flush_returns();
  return work;
}

template <InstructionSet kSet>
bool Worker::push(const Message& message) noexcept {
  if (message.kind != Message::Kind::kFrame) return false;
  const FrameLoan& loan = message.frame;
  saw(loan.time);
  return fast_.push<kSet>({.bytes = Bytes(loan.data, loan.length),
                           .time = loan.time,
                           .handle = loan.loan,
                           .is_borrowed = true},
                          FastPathExit{*this});
}

std::size_t Worker::take_messages() noexcept {
  std::size_t work = 0;
  for (unsigned from = 0; from < from_.size(); ++from) {
    if (from_[from] == nullptr) continue;
    const std::size_t count = from_[from]->messages.pop(inbox_.data(), inbox_.size());
    inbox_from_ = from;
    compiled_for(set_, [&](auto set) noexcept {
      for (std::size_t i = 0; i < count; ++i) {
        if (!push<set()>(inbox_[i])) take_message(inbox_[i], from);
      }
    });
    drain();
    work += count;
  }
  return work;
}

void Worker::take_message(const Message& message, unsigned from) noexcept {
  drain();
  switch (message.kind) {
    case Message::Kind::kFrame:
      process_loan(message.frame);
      return_loan(message.frame.loan);
      break;
    case Message::Kind::kChange:
      decide(message.change, from);
      break;
    case Message::Kind::kInterval:
      tables_.set_interval(message.change);
      break;
    case Message::Kind::kSequence:
      saw(message.sequence.time);
      tables_.observe_sequence(message.sequence);
      break;
  }
}

void Worker::return_loan(std::uint32_t loan) noexcept {
  // Sized for every frame that the lender has: there is always room.
  (void)from_[inbox_from_]->returns.push(loan);
}

bool Worker::route(const RowChange& change) noexcept {
  const unsigned owner = share_.owner_of(hash_of(port_key(change.switch_id, change.port), seed_));
  if (owner != share_.index()) {
    Message message;
    message.kind = Message::Kind::kChange;
    message.change = change;
    if (to_[owner]->messages.push(message)) return true;
    counters_.changes_dropped.add(1);
    return false;
  }
  RowChange decided = change;
  const Authority::Verdict verdict = authority_.decide(decided);
  if (verdict == Authority::Verdict::kAccepted) {
    for (unsigned to = 0; to < to_.size(); ++to) tell_interval(decided, to);
  }
  return verdict != Authority::Verdict::kRefused;
}

void Worker::decide(RowChange change, unsigned from) noexcept {
  switch (authority_.decide(change)) {
    case Authority::Verdict::kAccepted:
      for (unsigned to = 0; to < to_.size(); ++to) {
        if (to != from) tell_interval(change, to);
      }
      tables_.set_interval(change);
      break;
    case Authority::Verdict::kRefused:
      tell_interval(change, from);
      break;
    case Authority::Verdict::kKnown:
      break;
  }
}

void Worker::tell_interval(const RowChange& change, unsigned to) noexcept {
  if (to == share_.index()) return;
  Message message;
  message.kind = Message::Kind::kInterval;
  message.change = change;
  if (!to_[to]->messages.push(message)) counters_.changes_dropped.add(1);
}

}  // namespace hopscope::pipeline
