#pragma once
// Headers for datagrams of a UDP socket: the socket delivers payloads, the decoder reads frames. So
// Ethernet, IP and UDP headers with the datagram's addresses are written before the payload.

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>

namespace hopscope::io {

/// Bytes that must be writable before the payload: Ethernet, IPv6, UDP.
inline constexpr std::size_t kUdpHeaderRoom = 14 + 40 + 8;

/// Control messages that carry the destination address of one datagram.
inline constexpr std::size_t kUdpControlBytes = CMSG_SPACE(sizeof(in6_pktinfo));

/// Source and destination of a datagram. IPv4 addresses are mapped into IPv6 (::ffff:a.b.c.d).
struct UdpAddresses {
  in6_addr source = in6addr_any;
  in6_addr destination = in6addr_any;
  std::uint16_t source_port = 0;       ///< network order
  std::uint16_t destination_port = 0;  ///< network order
};

/// Reads the source from `name` and the destination address from the control messages of `message`
/// (IP_PKTINFO or IPV6_PKTINFO).
[[nodiscard]] UdpAddresses read_udp_addresses(const void* name, msghdr& message) noexcept;

/// Writes the headers so that they end at `payload`, with kUdpHeaderRoom bytes before it; returns
/// the first byte of the frame. The UDP checksum is 0 (none): the kernel has verified it.
std::uint8_t* write_udp_headers(std::uint8_t* payload, std::size_t length,
                                const UdpAddresses& addresses) noexcept;

}  // namespace hopscope::io
