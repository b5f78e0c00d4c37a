#pragma once
// The file that says how far a spool was delivered: two slots, written in turn, so that a torn
// write leaves the other one.
//
//   slot (512): "hopsmark"  below u64  end u64  reserved u32  CRC u32  zeros

#include <array>
#include <cstddef>
#include <cstdint>

namespace hopscope::exporter {

struct Mark {
  std::uint64_t below = 0;  ///< records with lower numbers were delivered or given up
  std::uint64_t end = 0;    ///< one above the highest number taken when it was written

  bool operator==(const Mark&) const = default;
};

inline constexpr std::size_t kMarkSlots = 2;
inline constexpr std::size_t kMarkSlotBytes = 512;
using MarkBytes = std::array<char, kMarkSlotBytes>;

[[nodiscard]] MarkBytes encode(const Mark& mark) noexcept;
/// Of the directory; zeros where there is none that is whole.
[[nodiscard]] Mark read_mark(int directory);

}  // namespace hopscope::exporter
