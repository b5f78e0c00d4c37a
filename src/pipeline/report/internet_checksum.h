#pragma once
// The ones' complement sum of IPv4 and UDP (RFC 1071).

#include <cstdint>
#include <cstring>

#include "base/assert.h"
#include "pipeline/report/report.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {

/// Sum of 16-bit words in memory order, an odd last byte padded with zero. Not folded: it holds the
/// sum of up to 16 GB.
[[nodiscard]] inline std::uint64_t checksum_sum(Bytes bytes) noexcept {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    sum += word;
  }
  if (at < bytes.size()) {
    std::uint32_t rest = 0;
    std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
    sum += rest;
  }
  return sum;
}

/// checksum_sum() of an IPv4 header without options, which is 20 bytes.
[[nodiscard]] inline std::uint64_t checksum_sum20(const std::uint8_t* at) noexcept {
  std::uint64_t words[2];
  std::uint32_t last = 0;
  std::memcpy(words, at, sizeof words);
  std::memcpy(&last, at + sizeof words, sizeof last);
  return (words[0] & 0xFFFF'FFFF) + (words[0] >> 32) + (words[1] & 0xFFFF'FFFF) + (words[1] >> 32) +
         last;
}

/// A 16-bit number in the byte order of checksum_sum().
[[nodiscard]] inline std::uint64_t checksum_word(std::uint16_t host_order) noexcept {
  return static_cast<std::uint16_t>(host_order << 8 | host_order >> 8);
}

/// Whether the checksum is right, where `sum` is over all bytes with the checksum among them and is
/// not 0. It need not be folded, because 2^16 is 1 modulo 0xFFFF.
[[nodiscard]] inline bool is_checksum_right(std::uint64_t sum) noexcept {
  return sum % 0xFFFF == 0;
}

/// The same for a whole UDP datagram with a checksum. `addresses`: source and destination of its IP
/// header, 8 or 32 bytes.
[[nodiscard]] inline bool is_udp_checksum_right(Bytes addresses, Bytes datagram) noexcept {
  HOPSCOPE_ASSERT(addresses.size() == 8 || addresses.size() == 32);
  HOPSCOPE_ASSERT(datagram.size() >= kUdpBytes && datagram.size() <= 0xFFFF);
  const auto length = static_cast<std::uint16_t>(datagram.size());
  const std::uint64_t sum = checksum_sum(addresses) + checksum_sum(datagram) +
                            checksum_word(length) + checksum_word(kProtocolUdp);
  return is_checksum_right(sum);
}

}  // namespace hopscope::pipeline
