#include "io/af_xdp/frame_assembler.h"

#include <cstring>

namespace hopscope::io {

FrameAssembler::FrameAssembler(std::size_t places)
    : places_(places), memory_(new std::uint8_t[places * kMaxAssembledBytes]()) {
  free_.reserve(places);
  for (std::size_t i = places; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
}

void FrameAssembler::begin() noexcept {
  if (free_.empty()) {
    state_ = State::kNoPlace;
    return;
  }
  state_ = State::kCopying;
  place_ = free_.back();
  free_.pop_back();
  length_ = 0;
}

void FrameAssembler::add(const std::uint8_t* data, std::uint32_t length) noexcept {
  if (state_ == State::kNone) begin();
  if (state_ != State::kCopying) return;
  if (length > kMaxAssembledBytes - length_) {
    state_ = State::kTooLong;
    free_.push_back(place_);
    return;
  }
  std::memcpy(memory_.get() + place_ * kMaxAssembledBytes + length_, data, length);
  length_ += length;
}

FrameAssembler::Frame FrameAssembler::finish() noexcept {
  const State ended = state_;
  state_ = State::kNone;
  if (ended == State::kTooLong) too_long_.add(1);
  if (ended == State::kNoPlace) no_place_.add(1);
  if (ended != State::kCopying) return {};
  frames_.add(1);
  held_.add(1);
  return {.data = memory_.get() + place_ * kMaxAssembledBytes,
          .length = length_,
          .handle = kMark | place_};
}

void FrameAssembler::release(FrameHandle handle) noexcept {
  free_.push_back(static_cast<std::uint32_t>(handle & ~kMark));
  held_.set(held_.get() - 1);
}

}  // namespace hopscope::io
