#pragma once
// Big-endian loads from wire bytes, by memcpy: no alignment, no aliasing, one instruction each. The
// caller has checked the bounds.

#include <bit>
#include <cstdint>
#include <cstring>

namespace hopscope::pipeline {

static_assert(std::endian::native == std::endian::little);

[[nodiscard]] inline std::uint16_t be16(const std::uint8_t* at) noexcept {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}

[[nodiscard]] inline std::uint32_t be24(const std::uint8_t* at) noexcept {
  return (std::uint32_t{at[0]} << 16) | (std::uint32_t{at[1]} << 8) | at[2];
}

[[nodiscard]] inline std::uint32_t be32(const std::uint8_t* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}

[[nodiscard]] inline std::uint64_t be64(const std::uint8_t* at) noexcept {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86DD;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;
inline constexpr std::uint16_t kEtherTypeQinq = 0x88A8;
inline constexpr std::uint16_t kEtherTypeQinqOld = 0x9100;
inline constexpr std::uint16_t kEtherTypeMpls = 0x8847;
inline constexpr std::uint16_t kEtherTypeEthernet = 0x6558;  ///< transparent bridging, in tunnels

[[nodiscard]] inline bool is_vlan(std::uint16_t ethertype) noexcept {
  return ethertype == kEtherTypeVlan || ethertype == kEtherTypeQinq ||
         ethertype == kEtherTypeQinqOld;
}

inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolGre = 47;
inline constexpr std::size_t kEthernetBytes = 14;
inline constexpr std::size_t kVlanBytes = 4;
inline constexpr std::size_t kMplsBytes = 4;
inline constexpr std::size_t kIpv4Bytes = 20;
inline constexpr std::size_t kIpv6Bytes = 40;
inline constexpr std::size_t kUdpBytes = 8;
inline constexpr std::size_t kTcpBytes = 20;

}  // namespace hopscope::pipeline
