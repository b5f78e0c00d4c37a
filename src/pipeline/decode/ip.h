#pragma once
// IPv4 and IPv6 headers, for the frame around a report and for the packet inside it.

#include <cstdint>

#include "pipeline/report/key.h"

namespace hopscope::pipeline {

struct IpHeader {
  const std::uint8_t* payload = nullptr;  ///< behind options and extension headers
  std::size_t length = 0;                 ///< what the header states, from its first byte on
  IpAddress source;
  IpAddress destination;
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  std::uint8_t dscp = 0;
  bool fragment = false;        ///< a part of a packet
  bool later_fragment = false;  ///< ... and not the first: there is no L4 header
  /// IOAM option (RFC 9486) among the IPv6 options, from its type byte on.
  const std::uint8_t* ioam = nullptr;
  std::uint16_t ioam_length = 0;
};

/// The IPv4 option of type `type`, from its type byte on and whole; null: the header at `ip`, which
/// read_ipv4() has read, has none.
[[nodiscard]] const std::uint8_t* find_ipv4_option(const std::uint8_t* ip,
                                                   std::uint8_t type) noexcept;

enum class IpError : std::uint8_t {
  kNone,
  kShort,  ///< the bytes end inside the header
  kBad,    ///< the header contradicts itself
};

/// `at` to `end`: the bytes present. payload is at most `end`.
[[nodiscard]] IpError read_ipv4(const std::uint8_t* at, const std::uint8_t* end,
                                IpHeader& header) noexcept;
[[nodiscard]] IpError read_ipv6(const std::uint8_t* at, const std::uint8_t* end,
                                IpHeader& header) noexcept;

}  // namespace hopscope::pipeline
