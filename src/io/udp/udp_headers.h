#pragma once
// A datagram from a UDP socket has lost its headers; the decoder wants a frame. These write
// Ethernet, IP and UDP headers with the datagram's own addresses in front of the payload.

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace hopscope::io {

/// Room that must be in front of the payload: Ethernet, IPv6, UDP.
inline constexpr std::size_t kUdpHeaderRoom = 14 + 40 + 8;

/// Control messages that carry the destination address of one datagram.
inline constexpr std::size_t kUdpControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

/// Where a datagram came from and went to. IPv4 addresses are mapped into IPv6 (::ffff:a.b.c.d).
struct UdpAddresses {
  in6_addr source = in6addr_any;
  in6_addr destination = in6addr_any;
  std::uint16_t source_port = 0;       ///< network order
  std::uint16_t destination_port = 0;  ///< network order
};

/// Takes the source from `name` and the destination from `message`'s control messages (IP_PKTINFO
/// or IPV6_PKTINFO).
[[nodiscard]] UdpAddresses read_udp_addresses(const void* name, msghdr& message) noexcept;

/// Writes the headers so that they end at `payload`; returns the first byte of the frame. The
/// UDP checksum is 0: the kernel has checked it.
std::uint8_t* write_udp_headers(std::uint8_t* payload, std::size_t length,
                                const UdpAddresses& addresses) noexcept;

}  // namespace hopscope::io
