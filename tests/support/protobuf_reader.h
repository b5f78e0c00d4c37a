#pragma once
// Reads protocol buffers field by field, without a description of the messages.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hopscope::test {

/// One message: the fields by number, in their order; numbers and doubles by their bits.
struct Message {
  std::map<unsigned, std::vector<std::uint64_t>> numbers;
  std::map<unsigned, std::vector<std::string>> bytes;

  [[nodiscard]] std::string text(unsigned field) const {
    return bytes.contains(field) ? bytes.at(field).front() : "";
  }
  [[nodiscard]] std::uint64_t number(unsigned field) const { return numbers.at(field).front(); }
  [[nodiscard]] double real(unsigned field) const {
    double value = 0;
    std::memcpy(&value, &numbers.at(field).front(), sizeof value);
    return value;
  }
  [[nodiscard]] std::vector<Message> messages(unsigned field) const;
};

inline std::uint64_t read_varint(std::string_view& from) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !from.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(from.front());
    from.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  ADD_FAILURE() << "a number has no end";
  return value;
}

inline std::int64_t zigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

inline Message read_message(std::string_view from) {
  Message message;
  while (!from.empty()) {
    const std::uint64_t tag = read_varint(from);
    const auto field = static_cast<unsigned>(tag >> 3);
    if ((tag & 7) == 0) {
      message.numbers[field].push_back(read_varint(from));
    } else if ((tag & 7) == 1 && from.size() >= 8) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, from.data(), sizeof bits);
      message.numbers[field].push_back(bits);
      from.remove_prefix(sizeof bits);
    } else {
      const std::uint64_t length = read_varint(from);
      if ((tag & 7) != 2 || length > from.size()) {
        ADD_FAILURE() << "no field: tag " << tag;
        return message;
      }
      message.bytes[field].emplace_back(from.substr(0, length));
      from.remove_prefix(length);
    }
  }
  return message;
}

inline std::vector<Message> Message::messages(unsigned field) const {
  std::vector<Message> all;
  if (!bytes.contains(field)) return all;
  for (const std::string& one : bytes.at(field)) all.push_back(read_message(one));
  return all;
}

/// Messages, each behind its length.
inline std::vector<Message> read_delimited(std::string_view from) {
  std::vector<Message> all;
  while (!from.empty()) {
    const std::uint64_t length = read_varint(from);
    if (length > from.size()) {
      ADD_FAILURE() << "a message has no end";
      return all;
    }
    all.push_back(read_message(from.substr(0, length)));
    from.remove_prefix(length);
  }
  return all;
}

}  // namespace hopscope::test
