#pragma once
// The few encodings of protocol buffers that the exposition needs. Field numbers below 16 only have
// one-byte tags.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hopscope::exporter::wire {

enum Type : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2 };

inline void append_varint(std::string& to, std::uint64_t value) {
  while (value >= 0x80) {
    to += static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  to += static_cast<char>(value);
}

[[nodiscard]] inline std::size_t varint_size(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// The same into memory that is large enough; each returns where it ended.

inline char* put_varint(char* at, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *at++ = static_cast<char>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<char>(value);
  return at;
}

inline char* put_tag(char* at, unsigned field, Type type) noexcept {
  *at++ = static_cast<char>(field << 3 | static_cast<unsigned>(type));
  return at;
}

inline char* put_bytes(char* at, unsigned field, std::string_view value) noexcept {
  at = put_varint(put_tag(at, field, kBytes), value.size());
  std::memcpy(at, value.data(), value.size());
  return at + value.size();
}

inline void append_tag(std::string& to, unsigned field, Type type) {
  append_varint(to, field << 3 | static_cast<unsigned>(type));
}

/// The size of a string in a field below 16.
[[nodiscard]] inline std::size_t bytes_field_size(std::string_view value) noexcept {
  return 1 + varint_size(value.size()) + value.size();
}

inline void append_bytes(std::string& to, unsigned field, std::string_view value) {
  append_tag(to, field, kBytes);
  append_varint(to, value.size());
  to += value;
}

inline void append_unsigned(std::string& to, unsigned field, std::uint64_t value) {
  append_tag(to, field, kVarint);
  append_varint(to, value);
}

/// A value of sint32 or sint64 without its tag.
inline void append_zigzag(std::string& to, std::int64_t value) {
  append_varint(to,
                (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

inline void append_signed(std::string& to, unsigned field, std::int64_t value) {
  append_tag(to, field, kVarint);
  append_zigzag(to, value);
}

inline void append_double(std::string& to, unsigned field, double value) {
  append_tag(to, field, kFixed64);
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  to.append(bytes, sizeof value);
}

}  // namespace hopscope::exporter::wire
