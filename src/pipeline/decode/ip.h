#pragma once
// IPv4 and IPv6 headers, for the frame around a report and for the packet inside it.

#include <cstdint>

#include "pipeline/report/key.h"

namespace hopscope::pipeline {

struct IpHeader {
  const std::uint8_t* payload = nullptr;  ///< after options and extension headers
  std::size_t length = 0;                 ///< stated length, from the first byte of the header
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  std::uint8_t dscp = 0;
  bool fragment = false;        ///< a fragment of a packet
  bool later_fragment = false;  ///< ... and not the first: there is no L4 header
  /// IOAM option (RFC 9486) among the IPv6 options, starting at its type byte.
  const std::uint8_t* ioam = nullptr;
  std::uint16_t ioam_length = 0;
};

/// The complete IPv4 option of this type, starting at its type byte; null: there is none. `ip` is a
/// header that read_ipv4() has read without an error.
[[nodiscard]] const std::uint8_t* find_ipv4_option(const std::uint8_t* ip,
                                                   std::uint8_t type) noexcept;

enum class IpError : std::uint8_t {
  kNone,
  kShort,  ///< the bytes end inside the header
  kBad,    ///< the header contradicts itself
};

/// Reads the header in the bytes from `at` to `end`. Without an error, header.payload is in them or
/// is `end`.
[[nodiscard]] IpError read_ipv4(const std::uint8_t* at, const std::uint8_t* end,
                                IpHeader& header) noexcept;
[[nodiscard]] IpError read_ipv6(const std::uint8_t* at, const std::uint8_t* end,
                                IpHeader& header) noexcept;

}  // namespace hopscope::pipeline
