#pragma once
// The packet inside a report: Ethernet, IPv4 or IPv6, UDP or TCP, and an INT header with its stack
// where the packet crossed an INT domain. Lengths and checksums are those of the packet as sent.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/encode/writer.h"
#include "pipeline/report/key.h"
#include "pipeline/report/metadata.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline::encode {

using MacAddress = std::array<std::uint8_t, 6>;

[[nodiscard]] constexpr IpAddress ipv4(std::uint32_t address) {
  return {
      .bytes = {static_cast<std::uint8_t>(address >> 24), static_cast<std::uint8_t>(address >> 16),
                static_cast<std::uint8_t>(address >> 8), static_cast<std::uint8_t>(address)},
      .version = 4};
}

/// How a packet is marked as carrying INT.
enum class Marking : std::uint8_t {
  kDscp,         ///< a DSCP value; the original one is in the shim (0.5: in the tail)
  kPort,         ///< the UDP destination port; the original is in the shim (0.5: in the tail)
  kMarker,       ///< 64 bits before the shim
  kInsertedUdp,  ///< INT 2.x: an additional UDP header before the original L4 header
};

/// An INT header and its stack.
struct Telemetry {
  IntVersion version = IntVersion::k10;
  HopLayout layout = HopLayout::kInt10;  ///< 1.0 only: kInt10 or kInt10Geant
  Marking marking = Marking::kDscp;
  std::uint16_t bitmap = 0;
  std::vector<Metadata> hops{};  ///< [0] is nearest to the sink, as on the wire
  std::uint8_t remaining_hops = 8;
  std::uint8_t max_hops = 16;  ///< 0.5
  std::uint8_t replicate = 0;  ///< 0.5, 1.0: Rep, 2 bits
  bool copy = false;           ///< 0.5, 1.0: C
  bool discard = false;        ///< 2.x: D
  bool hops_exceeded = false;  ///< E
  bool mtu_exceeded = false;   ///< 1.0, 2.x: M
  std::uint8_t marked_dscp = 0x17;
  std::uint16_t marked_port = 5000;
  std::uint64_t marker = 0xAAAA'AAAA'BBBB'BBBB;
  bool before_tcp_options = false;  ///< else after them

  // 2.x
  std::uint16_t domain_id = 0;
  std::uint16_t ds_instruction = 0;
  std::uint16_t ds_flags = 0;
  std::vector<std::uint32_t> domain_words{};     ///< in every hop
  std::vector<std::uint32_t> source_only{};      ///< after the last hop; not in Hop ML
  std::vector<std::uint32_t> source_inserted{};  ///< MX
};

[[nodiscard]] HopLayout layout_of(const Telemetry& telemetry) noexcept;

struct Packet {
  bool ethernet = true;  ///< else it starts with its IP header
  MacAddress destination_mac{0x02, 0, 0, 0, 3, 2};
  MacAddress source_mac{0x02, 0, 0, 0, 1, 1};
  std::vector<std::uint16_t> vlans{};  ///< ids, outermost first

  IpAddress source = ipv4(0x0A01'010A);  ///< its version is the packet's
  IpAddress destination = ipv4(0x0A01'0314);
  std::uint8_t dscp = 0;  ///< before INT marked the packet
  std::uint8_t ecn = 0;
  std::uint8_t ttl = 61;
  std::uint16_t identification = 0;

  std::uint8_t protocol = 17;  ///< 17 UDP or 6 TCP
  std::uint16_t source_port = 40'000;
  std::uint16_t destination_port = 443;         ///< before INT replaced it
  std::uint16_t inserted_source_port = 51'111;  ///< of the header that kInsertedUdp adds
  std::uint8_t tcp_option_words = 0;            ///< filled with NOP
  std::uint32_t tcp_sequence = 1;
  bool l4_checksum = true;

  std::optional<Telemetry> telemetry{};
  std::vector<std::uint8_t> payload{};
  /// Bytes of the packet that the report holds, from its first header on; 0: all.
  std::size_t captured_bytes = 0;
};

/// Appends the packet. Throws std::invalid_argument for a packet without an encoding.
void put_packet(ByteWriter& out, const Packet& packet);

}  // namespace hopscope::pipeline::encode
