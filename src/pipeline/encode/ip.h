#pragma once
// Ethernet and IP headers, for the report itself and for the packet inside it.

#include <array>
#include <cstdint>
#include <span>

#include "pipeline/encode/writer.h"
#include "pipeline/report/key.h"

namespace hopscope::pipeline::encode {

struct IpHeader {
  IpAddress source{};  ///< its version decides between IPv4 and IPv6
  IpAddress destination{};
  std::uint8_t dscp = 0;
  std::uint8_t ecn = 0;
  std::uint8_t ttl = 64;
  std::uint8_t protocol = 17;
  std::uint16_t identification = 0;
  bool dont_fragment = true;  ///< IPv4
};

/// The place of a header whose length and checksum are set when the payload is complete.
struct IpLengths {
  std::size_t offset = 0;
  std::uint8_t version = 0;

  [[nodiscard]] std::size_t payload() const noexcept { return offset + (version == 4 ? 20 : 40); }
};

void put_ethernet(ByteWriter& out, const std::array<std::uint8_t, 6>& destination,
                  const std::array<std::uint8_t, 6>& source, std::span<const std::uint16_t> vlans,
                  std::uint8_t ip_version);
/// Throws std::invalid_argument when the addresses are not both IPv4 or both IPv6.
IpLengths put_ip(ByteWriter& out, const IpHeader& header);
/// Sets length and checksum of the header. Its payload extends to the end of `out`.
void finish_ip(ByteWriter& out, const IpLengths& ip);
/// Sets the UDP or TCP checksum over the bytes from `start` to the end; its field must be zero.
void set_l4_checksum(ByteWriter& out, const IpLengths& ip, std::uint8_t protocol, std::size_t start,
                     std::size_t checksum_at);

}  // namespace hopscope::pipeline::encode
