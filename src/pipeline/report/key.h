#pragma once
// Keys of the tables. Integers are in host order, addresses in network order.

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

namespace hopscope::pipeline {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< IPv4: the first four
  std::uint8_t version = 0;              ///< 4, 6, or 0 for none

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  friend bool operator==(const IpAddress& a, const IpAddress& b) noexcept {
    return std::memcmp(a.bytes.data(), b.bytes.data(), 16) == 0 && a.version == b.version;
  }
};

/// An IPv4 5-tuple, 16 bytes without padding so that it compares as two words.
struct FlowKey4 {
  std::uint32_t source = 0;       ///< as on the wire
  std::uint32_t destination = 0;  ///< as on the wire
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t zero[3] = {};

  friend bool operator==(const FlowKey4& a, const FlowKey4& b) noexcept {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }
};
static_assert(sizeof(FlowKey4) == 16);

/// An IPv6 5-tuple, 40 bytes.
struct FlowKey6 {
  std::array<std::uint8_t, 16> source{};
  std::array<std::uint8_t, 16> destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t zero[3] = {};

  friend bool operator==(const FlowKey6& a, const FlowKey6& b) noexcept {
    return std::memcmp(&a, &b, sizeof a) == 0;
  }
};
static_assert(sizeof(FlowKey6) == 40);

/// Either of the two, for events and for the export side.
struct FlowKey {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;

  friend auto operator<=>(const FlowKey&, const FlowKey&) = default;
};

[[nodiscard]] FlowKey widen(const FlowKey4& key) noexcept;
[[nodiscard]] FlowKey widen(const FlowKey6& key) noexcept;

/// An egress port of a switch. The queue tables add a queue id to it.
struct PortKey {
  std::uint32_t switch_id = 0;
  std::uint32_t port = 0;

  friend auto operator<=>(const PortKey&, const PortKey&) = default;
};

/// A port that a report did not carry: queue keys then have no port.
inline constexpr std::uint32_t kNoPort = 0xFFFF'FFFF;

}  // namespace hopscope::pipeline
