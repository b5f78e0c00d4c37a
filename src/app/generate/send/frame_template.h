#pragma once
// A frame that is sent again and again, and what changes in it from one time to the next. Senders
// go through a list of templates in laps.

#include <cstdint>
#include <span>
#include <vector>

namespace hopscope::io {

/// A big-endian time in ns within a frame.
struct TimeField {
  std::uint16_t at = 0;
  bool wide = false;  ///< 8 bytes, else 4
};

struct FrameTemplate {
  std::vector<std::uint8_t> bytes;
  /// 4 bytes of which the low `sequence_bits` are a number; in lap n it is
  /// sequence + n * sequence_step. 0 bits: there is none.
  std::uint16_t sequence_at = 0;
  unsigned sequence_bits = 0;
  std::uint32_t sequence = 0;
  std::uint32_t sequence_step = 0;
  std::uint16_t checksum_at = 0;    ///< a UDP checksum to be kept right; 0: none
  std::int64_t time_offset_ns = 0;  ///< against the first template
  std::vector<TimeField> times;     ///< moved on by the time that has passed
};

inline constexpr std::size_t kMaxTemplateBytes = 2048;
inline constexpr std::size_t kMaxTemplateTimes = 48;

[[nodiscard]] constexpr std::uint32_t sequence_mask(unsigned bits) noexcept {
  return bits >= 32 ? 0xFFFF'FFFFU : (1U << bits) - 1;
}

/// The frame as it goes out in lap `lap`, `elapsed_ns` after the start. `out` has the template's
/// size. Without `move_times` the times stay as they are.
void render(const FrameTemplate& frame, std::uint32_t lap, std::int64_t elapsed_ns, bool move_times,
            std::span<std::uint8_t> out) noexcept;

}  // namespace hopscope::io
