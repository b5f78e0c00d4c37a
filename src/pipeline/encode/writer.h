#pragma once
// The bytes of a frame that is being encoded, and the offsets of its timestamps: a sender that
// repeats a frame updates them without encoding it again. Only set-up code and tests encode; errors
// throw.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hopscope::pipeline::encode {

/// A timestamp in ns, big-endian, 4 or 8 bytes.
struct TimeMark {
  std::size_t offset = 0;
  bool wide = false;

  friend bool operator==(const TimeMark&, const TimeMark&) = default;
};

enum class TimeWidth : std::uint8_t {
  k32Bits,  ///< the low 32 bits of the time
  k64Bits,
};

class ByteWriter {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::span<const std::uint8_t> from(std::size_t offset) const {
    return bytes().subspan(offset);
  }
  [[nodiscard]] std::span<const TimeMark> times() const noexcept { return times_; }

  void clear() noexcept {
    bytes_.clear();
    times_.clear();
  }

  void put8(std::uint32_t value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
  void put16(std::uint32_t value) {
    put8(value >> 8);
    put8(value);
  }
  void put32(std::uint32_t value) {
    put16(value >> 16);
    put16(value & 0xFFFF);
  }
  void put64(std::uint64_t value) {
    put32(static_cast<std::uint32_t>(value >> 32));
    put32(static_cast<std::uint32_t>(value));
  }
  void put(std::span<const std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void put_zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }

  void put_time(std::uint64_t time, TimeWidth width) {
    const bool wide = width == TimeWidth::k64Bits;
    times_.push_back({.offset = size(), .wide = wide});
    if (wide) {
      put64(time);
    } else {
      put32(static_cast<std::uint32_t>(time));
    }
  }

  void set8(std::size_t offset, std::uint32_t value) {
    bytes_.at(offset) = static_cast<std::uint8_t>(value);
  }
  void set16(std::size_t offset, std::uint32_t value) {
    set8(offset, value >> 8);
    set8(offset + 1, value);
  }

  /// Removes the bytes from `size` on, and the timestamps that are not complete before it.
  void cut(std::size_t size) {
    if (size >= bytes_.size()) return;
    bytes_.resize(size);
    while (!times_.empty() && times_.back().offset + (times_.back().wide ? 8 : 4) > size) {
      times_.pop_back();
    }
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<TimeMark> times_;
};

/// One's complement sum of 16-bit words, not folded; an odd last byte counts as the high half.
[[nodiscard]] std::uint64_t checksum_add(std::uint64_t sum, std::span<const std::uint8_t> bytes);
/// The Internet checksum (RFC 1071) of such a sum.
[[nodiscard]] std::uint16_t checksum_finish(std::uint64_t sum);

}  // namespace hopscope::pipeline::encode
