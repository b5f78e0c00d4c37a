#include "app/generate/send/frame_template.h"

#include <algorithm>

namespace hopscope::io {
namespace {

std::uint32_t load32(const std::uint8_t* from) noexcept {
  return static_cast<std::uint32_t>(from[0]) << 24 | static_cast<std::uint32_t>(from[1]) << 16 |
         static_cast<std::uint32_t>(from[2]) << 8 | from[3];
}

/// Stores big-endian words and keeps the sum for the checksum (RFC 1624).
class Patcher {
 public:
  explicit Patcher(std::span<std::uint8_t> frame) noexcept : frame_(frame) {}

  [[nodiscard]] bool holds(std::size_t at, std::size_t bytes) const noexcept {
    return at + bytes <= frame_.size();
  }
  [[nodiscard]] std::uint32_t load(std::size_t at) const noexcept { return load32(&frame_[at]); }

  void store(std::size_t at, std::uint32_t value) noexcept {
    const std::uint32_t was = ~load(at);
    gained_ += (was >> 16) + (was & 0xFFFF) + (value >> 16) + (value & 0xFFFF);
    for (unsigned i = 0; i < 4; ++i)
      frame_[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }

  void set_checksum(std::size_t at) noexcept {
    std::uint64_t sum = gained_ + (0xFFFFU & ~(load(at) >> 16));
    while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
    const auto checksum = static_cast<std::uint16_t>(~sum);
    const std::uint16_t out = checksum != 0 ? checksum : 0xFFFF;
    frame_[at] = static_cast<std::uint8_t>(out >> 8);
    frame_[at + 1] = static_cast<std::uint8_t>(out & 0xFF);
  }

 private:
  std::span<std::uint8_t> frame_;
  std::uint64_t gained_ = 0;
};

void move_time(Patcher& patcher, const TimeField& field, std::uint64_t delta_ns) noexcept {
  if (!patcher.holds(field.at, field.wide ? 8 : 4)) return;
  if (!field.wide) {
    patcher.store(field.at, patcher.load(field.at) + static_cast<std::uint32_t>(delta_ns));
    return;
  }
  const std::size_t low_at = std::size_t{field.at} + 4;
  const std::uint64_t time =
      (static_cast<std::uint64_t>(patcher.load(field.at)) << 32 | patcher.load(low_at)) + delta_ns;
  patcher.store(field.at, static_cast<std::uint32_t>(time >> 32));
  patcher.store(low_at, static_cast<std::uint32_t>(time));
}

}  // namespace

void render(const FrameTemplate& frame, std::uint32_t lap, std::int64_t elapsed_ns, bool move_times,
            std::span<std::uint8_t> out) noexcept {
  std::copy(frame.bytes.begin(), frame.bytes.end(), out.begin());
  Patcher patcher(out);
  if (frame.sequence_bits != 0 && patcher.holds(frame.sequence_at, 4)) {
    const std::uint32_t mask = sequence_mask(frame.sequence_bits);
    const std::uint32_t number = frame.sequence + lap * frame.sequence_step;
    patcher.store(frame.sequence_at, (patcher.load(frame.sequence_at) & ~mask) | (number & mask));
  }
  if (move_times) {
    const auto delta = static_cast<std::uint64_t>(elapsed_ns - frame.time_offset_ns);
    for (const TimeField& field : frame.times) move_time(patcher, field, delta);
  }
  if (frame.checksum_at != 0 && patcher.holds(frame.checksum_at, 4)) {
    patcher.set_checksum(frame.checksum_at);
  }
}

}  // namespace hopscope::io
