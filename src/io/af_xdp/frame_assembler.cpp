#include "io/af_xdp/frame_assembler.h"

#include <cstring>

#include "base/assert.h"

namespace hopscope::io {

FrameAssembler::FrameAssembler(std::size_t slots)
    : slots_(slots), memory_(new std::uint8_t[slots * kMaxAssembledBytes]()) {
  free_.reserve(slots);
  for (std::size_t i = slots; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
}

void FrameAssembler::begin() noexcept {
  if (free_.empty()) {
    state_ = State::kNoSlot;
    return;
  }
  state_ = State::kCopying;
  slot_ = free_.back();
  free_.pop_back();
  length_ = 0;
}

void FrameAssembler::add(const std::uint8_t* data, std::uint32_t length) noexcept {
  if (state_ == State::kNone) begin();
  if (state_ != State::kCopying) return;
  HOPSCOPE_ASSERT(length_ <= kMaxAssembledBytes);
  if (length > kMaxAssembledBytes - length_) {
    state_ = State::kTooLong;
    free_.push_back(slot_);
    return;
  }
  std::memcpy(memory_.get() + slot_ * kMaxAssembledBytes + length_, data, length);
  length_ += length;
}

FrameAssembler::Frame FrameAssembler::finish() noexcept {
  HOPSCOPE_ASSERT(under_way());
  const State ended = state_;
  state_ = State::kNone;
  if (ended == State::kTooLong) too_long_.add(1);
  if (ended == State::kNoSlot) no_slot_.add(1);
  if (ended != State::kCopying) return {};
  frames_.add(1);
  held_.add(1);
  HOPSCOPE_ASSERT(conserves_slots());
  return {.data = memory_.get() + slot_ * kMaxAssembledBytes,
          .length = length_,
          .handle = kMark | slot_};
}

bool FrameAssembler::conserves_slots() const noexcept {
  const std::size_t filling = state_ == State::kCopying ? 1 : 0;
  return free_.size() + held_.get() + filling == slots_;
}

void FrameAssembler::release(FrameHandle handle) noexcept {
  HOPSCOPE_ASSERT(is_assembled(handle) && (handle & ~kMark) < slots_ && held_.get() > 0);
  free_.push_back(static_cast<std::uint32_t>(handle & ~kMark));
  held_.set(held_.get() - 1);
  HOPSCOPE_ASSERT(conserves_slots());
}

}  // namespace hopscope::io
