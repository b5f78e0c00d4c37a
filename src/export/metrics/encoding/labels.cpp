#include "export/metrics/encoding/labels.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "export/metrics/encoding/protobuf_wire.h"
#include "export/names/names.h"

namespace hopscope::exporter {
namespace {

constexpr std::size_t kMaxNumberBytes = 20;
constexpr std::size_t kMaxIpv4Bytes = 15;

char* put(char* at, std::string_view text) noexcept {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* put_byte(char* at, unsigned value) noexcept {
  if (value >= 100) {
    *at++ = static_cast<char>('0' + value / 100);
    value %= 100;
    *at++ = static_cast<char>('0' + value / 10);
  } else if (value >= 10) {
    *at++ = static_cast<char>('0' + value / 10);
  }
  *at++ = static_cast<char>('0' + value % 10);
  return at;
}

char* put_ipv4(char* at, const pipeline::IpAddress& address) noexcept {
  for (unsigned i = 0; i < 4; ++i) {
    if (i != 0) *at++ = '.';
    at = put_byte(at, address.bytes[i]);
  }
  return at;
}

/// Backslash, quote and line feed get a backslash.
char* put_escaped(char* at, std::string_view value) noexcept {
  for (const char c : value) {
    if (c == '\\' || c == '"' || c == '\n') *at++ = '\\';
    *at++ = c == '\n' ? 'n' : c;
  }
  return at;
}

std::string_view between(const char* begin, const char* end) noexcept {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

char* Labels::room(std::size_t bytes) {
  constexpr std::size_t kFirst = 256;
  if (bytes_.size() - size_ < bytes) {
    bytes_.resize(std::max({kFirst, 2 * bytes_.size(), size_ + bytes}));
  }
  return bytes_.data() + size_;
}

char* Labels::open(std::string_view name, std::size_t value_bytes) {
  constexpr std::size_t kAround = 4;  // comma, equals sign, two quotes
  char* at = room(name.size() + kAround + value_bytes);
  if (size_ != 0) *at++ = ',';
  at = put(at, name);
  *at++ = '=';
  *at++ = '"';
  return at;
}

void Labels::close(char* end) {
  *end++ = '"';
  size_ = static_cast<std::size_t>(end - bytes_.data());
}

void Labels::add(std::string_view name, std::string_view value) {
  if (format_ == LabelFormat::kProtobuf) {
    add_plain(name, value);
  } else {
    close(put_escaped(open(name, 2 * value.size()), value));
  }
}

void Labels::add(std::string_view name, std::uint64_t value) {
  if (format_ == LabelFormat::kProtobuf) {
    std::array<char, kMaxNumberBytes> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    add_plain(name, between(digits.data(), end.ptr));
    return;
  }
  char* at = open(name, kMaxNumberBytes);
  close(std::to_chars(at, at + kMaxNumberBytes, value).ptr);
}

void Labels::add(std::string_view name, const pipeline::IpAddress& value) {
  if (value.version != 4) {
    add_plain(name, address_text(value));
  } else if (format_ == LabelFormat::kProtobuf) {
    std::array<char, kMaxIpv4Bytes> text;
    add_plain(name, between(text.data(), put_ipv4(text.data(), value)));
  } else {
    close(put_ipv4(open(name, kMaxIpv4Bytes), value));
  }
}

void Labels::add_plain(std::string_view name, std::string_view value) {
  if (format_ == LabelFormat::kText) {
    close(put(open(name, value.size()), value));
    return;
  }
  const std::size_t bytes = wire::bytes_field_size(name) + wire::bytes_field_size(value);
  char* at = room(1 + wire::varint_size(bytes) + bytes);
  at = wire::put_varint(wire::put_tag(at, 1, wire::kBytes), bytes);
  at = wire::put_bytes(wire::put_bytes(at, 1, name), 2, value);
  size_ = static_cast<std::size_t>(at - bytes_.data());
}

}  // namespace hopscope::exporter
