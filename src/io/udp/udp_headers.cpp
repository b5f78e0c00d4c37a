#include "io/udp/udp_headers.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "base/assert.h"

namespace hopscope::io {
namespace {

constexpr std::size_t kEthernetBytes = 14;
constexpr std::size_t kIpv4Bytes = 20;
constexpr std::size_t kIpv6Bytes = 40;
constexpr std::size_t kUdpBytes = 8;
static_assert(kUdpHeaderRoom == kEthernetBytes + kIpv6Bytes + kUdpBytes);
constexpr std::uint8_t kTtl = 64;

in6_addr mapped(const in_addr& address) noexcept {
  in6_addr result{};
  result.s6_addr[10] = 0xFF;
  result.s6_addr[11] = 0xFF;
  std::memcpy(result.s6_addr + 12, &address, sizeof address);
  return result;
}

bool is_ipv4(const in6_addr& address) noexcept {
  return IN6_IS_ADDR_V4MAPPED(&address);
}

void put16(std::uint8_t* to, std::size_t value) noexcept {
  to[0] = static_cast<std::uint8_t>(value >> 8);
  to[1] = static_cast<std::uint8_t>(value);
}

std::uint16_t ipv4_checksum(const std::uint8_t* header) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kIpv4Bytes; i += 2) {
    sum += static_cast<std::uint32_t>(header[i] << 8 | header[i + 1]);
  }
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void write_ipv4(std::uint8_t* ip, std::size_t length, const UdpAddresses& addresses) noexcept {
  std::memset(ip, 0, kIpv4Bytes);
  ip[0] = 0x45;
  put16(ip + 2, kIpv4Bytes + kUdpBytes + length);
  ip[6] = 0x40;  // do not fragment
  ip[8] = kTtl;
  ip[9] = IPPROTO_UDP;
  std::memcpy(ip + 12, addresses.source.s6_addr + 12, 4);
  std::memcpy(ip + 16, addresses.destination.s6_addr + 12, 4);
  put16(ip + 10, ipv4_checksum(ip));
}

void write_ipv6(std::uint8_t* ip, std::size_t length, const UdpAddresses& addresses) noexcept {
  std::memset(ip, 0, kIpv6Bytes);
  ip[0] = 0x60;
  put16(ip + 4, kUdpBytes + length);
  ip[6] = IPPROTO_UDP;
  ip[7] = kTtl;
  std::memcpy(ip + 8, &addresses.source, 16);
  std::memcpy(ip + 24, &addresses.destination, 16);
}

}  // namespace

UdpAddresses read_udp_addresses(const void* name, msghdr& message) noexcept {
  UdpAddresses addresses;
  sockaddr_in6 from{};
  std::memcpy(&from, name, sizeof from);
  if (from.sin6_family == AF_INET6) {
    addresses.source = from.sin6_addr;
    addresses.source_port = from.sin6_port;
  } else {
    sockaddr_in from4{};
    std::memcpy(&from4, name, sizeof from4);
    addresses.source = mapped(from4.sin_addr);
    addresses.source_port = from4.sin_port;
  }
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      addresses.destination = info.ipi6_addr;
    } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(control), sizeof info);
      addresses.destination = mapped(info.ipi_addr);
    }
  }
  return addresses;
}

std::uint8_t* write_udp_headers(std::uint8_t* payload, std::size_t length,
                                const UdpAddresses& addresses) noexcept {
  HOPSCOPE_ASSERT(length + kUdpBytes + kIpv4Bytes <= 0xFFFF);  // fits the length fields
  const bool ipv4 = is_ipv4(addresses.source);
  std::uint8_t* udp = payload - kUdpBytes;
  std::memcpy(udp, &addresses.source_port, 2);
  std::memcpy(udp + 2, &addresses.destination_port, 2);
  put16(udp + 4, kUdpBytes + length);
  put16(udp + 6, 0);
  std::uint8_t* ip = udp - (ipv4 ? kIpv4Bytes : kIpv6Bytes);
  if (ipv4) {
    write_ipv4(ip, length, addresses);
  } else {
    write_ipv6(ip, length, addresses);
  }
  std::uint8_t* frame = ip - kEthernetBytes;
  std::memset(frame, 0, 12);
  put16(frame + 12, ipv4 ? 0x0800 : 0x86DD);
  return frame;
}

}  // namespace hopscope::io
