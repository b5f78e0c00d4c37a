#pragma once
// Integers of a file format: little-endian, at any alignment.

#include <cstddef>
#include <type_traits>

namespace hopscope {

template <typename Integer>
void put_little(char* to, Integer value) noexcept {
  auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = 0; i < sizeof bits; ++i) {
    to[i] = static_cast<char>(bits & 0xFF);
    bits = static_cast<decltype(bits)>(bits >> 8);
  }
}

template <typename Integer>
[[nodiscard]] Integer get_little(const char* from) noexcept {
  std::make_unsigned_t<Integer> bits = 0;
  for (std::size_t i = sizeof bits; i-- > 0;) {
    bits = static_cast<decltype(bits)>((bits << 8) | static_cast<unsigned char>(from[i]));
  }
  return static_cast<Integer>(bits);
}

}  // namespace hopscope
