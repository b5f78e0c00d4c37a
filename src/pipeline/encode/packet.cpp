#include "pipeline/encode/packet.h"

#include <bit>
#include <stdexcept>

#include "base/assert.h"
#include "pipeline/encode/ip.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::pipeline::encode {
namespace {

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;
constexpr unsigned kMaxLengthWords = 255;

struct Words {
  unsigned per_hop = 0;
  unsigned stack = 0;
};

Words count_words(const Telemetry& telemetry) {
  Words words;
  words.per_hop = hop_words(telemetry.bitmap, layout_of(telemetry)) +
                  static_cast<unsigned>(telemetry.domain_words.size());
  words.stack = words.per_hop * static_cast<unsigned>(telemetry.hops.size()) +
                static_cast<unsigned>(telemetry.source_only.size());
  return words;
}

unsigned checked_length(unsigned words) {
  if (words > kMaxLengthWords) throw std::invalid_argument("INT stack of more than 255 words");
  return words;
}

void put_hops(ByteWriter& out, const Telemetry& telemetry) {
  for (const Metadata& hop : telemetry.hops) {
    put_hop(out, telemetry.bitmap, layout_of(telemetry), hop, telemetry.domain_words);
  }
  for (const std::uint32_t word : telemetry.source_only) out.put32(word);
}

std::uint32_t first_byte_up_to_10(std::uint32_t version, const Telemetry& telemetry) {
  return version << 4 | (telemetry.replicate & 3U) << 2 | (telemetry.copy ? 2U : 0U) |
         (telemetry.hops_exceeded ? 1U : 0U);
}

/// Shim and stack length both in words; a tail at the end.
void put_int05(ByteWriter& out, const Packet& packet, const Telemetry& telemetry) {
  const Words words = count_words(telemetry);
  out.put8(1);  // hop-by-hop
  out.put8(0);
  out.put8(checked_length(4 + words.stack));
  out.put8(0);
  out.put8(first_byte_up_to_10(0, telemetry));
  out.put8(static_cast<unsigned>(std::popcount(telemetry.bitmap)));
  out.put8(telemetry.max_hops);
  out.put8(static_cast<std::uint32_t>(telemetry.hops.size()));
  out.put16(telemetry.bitmap);
  out.put16(0);
  put_hops(out, telemetry);
  out.put8(packet.protocol);
  out.put16(packet.destination_port);
  out.put8(packet.dscp);
}

void put_int10(ByteWriter& out, const Packet& packet, const Telemetry& telemetry) {
  const Words words = count_words(telemetry);
  out.put8(1);  // hop-by-hop
  out.put8(0);
  out.put8(checked_length(3 + words.stack));
  out.put8(static_cast<std::uint32_t>(packet.dscp) << 2);
  out.put8(first_byte_up_to_10(1, telemetry));
  out.put8(telemetry.mtu_exceeded ? 0x80 : 0);
  out.put8(words.per_hop & 0x1F);
  out.put8(telemetry.remaining_hops);
  out.put16(telemetry.bitmap);
  out.put16(0);
  put_hops(out, telemetry);
}

void put_shim2x(ByteWriter& out, const Packet& packet, const Telemetry& telemetry, unsigned type,
                unsigned length) {
  unsigned npt = 0;
  if (telemetry.marking == Marking::kPort) npt = 1;
  if (telemetry.marking == Marking::kInsertedUdp) npt = 2;
  out.put8(type << 4 | npt << 2);
  out.put8(checked_length(length));
  if (npt == 1) {
    out.put16(packet.destination_port);
  } else {
    out.put8(0);
    out.put8(npt == 2 ? packet.protocol : static_cast<std::uint32_t>(packet.dscp) << 2);
  }
}

void put_domain(ByteWriter& out, const Telemetry& telemetry) {
  out.put16(telemetry.bitmap);
  out.put16(telemetry.domain_id);
  out.put16(telemetry.ds_instruction);
  out.put16(telemetry.ds_flags);
}

void put_int2x(ByteWriter& out, const Packet& packet, const Telemetry& telemetry) {
  const Words words = count_words(telemetry);
  put_shim2x(out, packet, telemetry, 1, 3 + words.stack);
  out.put8(0x20U | (telemetry.discard ? 8U : 0U) | (telemetry.hops_exceeded ? 4U : 0U) |
           (telemetry.mtu_exceeded ? 2U : 0U));
  out.put8(0);
  out.put8(words.per_hop & 0x1F);
  out.put8(telemetry.remaining_hops);
  put_domain(out, telemetry);
  put_hops(out, telemetry);
}

void put_int2x_mx(ByteWriter& out, const Packet& packet, const Telemetry& telemetry) {
  const auto inserted = static_cast<unsigned>(telemetry.source_inserted.size());
  put_shim2x(out, packet, telemetry, 3, 3 + inserted);
  out.put8(0x20U | (telemetry.discard ? 8U : 0U));
  out.put_zeros(3);
  put_domain(out, telemetry);
  for (const std::uint32_t word : telemetry.source_inserted) out.put32(word);
}

/// Refuses markings for which the version cannot store the original port or protocol.
void check_marking(const Packet& packet) {
  const Telemetry& telemetry = *packet.telemetry;
  const bool is_2x = telemetry.version == IntVersion::k2x || telemetry.version == IntVersion::k2xMx;
  if (telemetry.marking == Marking::kInsertedUdp && !is_2x) {
    throw std::invalid_argument("only INT 2.x inserts a UDP header");
  }
  if (telemetry.marking == Marking::kPort &&
      (packet.protocol != kUdp || telemetry.version == IntVersion::k10)) {
    throw std::invalid_argument("INT by port is for UDP, and not in INT 1.0");
  }
}

void put_telemetry(ByteWriter& out, const Packet& packet) {
  HOPSCOPE_ASSERT(packet.telemetry.has_value());
  const Telemetry& telemetry = *packet.telemetry;
  check_marking(packet);
  if (telemetry.marking == Marking::kMarker) out.put64(telemetry.marker);
  switch (telemetry.version) {
    case IntVersion::k05:
      return put_int05(out, packet, telemetry);
    case IntVersion::k10:
      return put_int10(out, packet, telemetry);
    case IntVersion::k2x:
      return put_int2x(out, packet, telemetry);
    case IntVersion::k2xMx:
      return put_int2x_mx(out, packet, telemetry);
    case IntVersion::kMri:
    case IntVersion::kNone:
      break;
  }
  throw std::invalid_argument("INT header without a version");
}

/// Returns where the length field is, to be set at the end.
std::size_t put_udp_header(ByteWriter& out, std::uint16_t source_port,
                           std::uint16_t destination_port) {
  out.put16(source_port);
  out.put16(destination_port);
  out.put32(0);
  return out.size() - 4;
}

void put_tcp_header(ByteWriter& out, const Packet& packet) {
  if (packet.tcp_option_words > 10) throw std::invalid_argument("more than 10 TCP option words");
  out.put16(packet.source_port);
  out.put16(packet.destination_port);
  out.put32(packet.tcp_sequence);
  out.put32(0);                                   // acknowledgement
  out.put8((5U + packet.tcp_option_words) << 4);  // data offset
  out.put8(0x18);                                 // PSH, ACK
  out.put16(0x0200);                              // window
  out.put32(0);                                   // checksum, urgent pointer
}

void put_tcp_options(ByteWriter& out, const Packet& packet) {
  for (unsigned i = 0; i < packet.tcp_option_words; ++i) out.put32(0x0101'0101);
}

/// Whether put_l4() writes the packet's telemetry.
enum class Int : std::uint8_t { kWith, kWithout };

/// The original L4 header, with INT after it (or inside, for TCP) where `telemetry` is kWith.
void put_l4(ByteWriter& out, const Packet& packet, const IpLengths& ip, Int telemetry) {
  const bool with_int = telemetry == Int::kWith;
  HOPSCOPE_ASSERT(!with_int || packet.telemetry.has_value());
  HOPSCOPE_ASSERT(ip.payload() <= out.size());
  const std::size_t start = out.size();
  std::size_t checksum_at = start + 6;
  if (packet.protocol == kUdp) {
    const bool replaced = with_int && packet.telemetry->marking == Marking::kPort;
    const std::size_t length_at =
        put_udp_header(out, packet.source_port,
                       replaced ? packet.telemetry->marked_port : packet.destination_port);
    if (with_int) put_telemetry(out, packet);
    out.put(packet.payload);
    out.set16(length_at, static_cast<std::uint32_t>(out.size() - start));
  } else if (packet.protocol == kTcp) {
    checksum_at = start + 16;
    put_tcp_header(out, packet);
    const bool before = with_int && packet.telemetry->before_tcp_options;
    if (before) put_telemetry(out, packet);
    put_tcp_options(out, packet);
    if (with_int && !before) put_telemetry(out, packet);
    out.put(packet.payload);
  } else {
    throw std::invalid_argument("a packet is UDP (17) or TCP (6)");
  }
  if (packet.l4_checksum) set_l4_checksum(out, ip, packet.protocol, start, checksum_at);
}

}  // namespace

HopLayout layout_of(const Telemetry& telemetry) noexcept {
  switch (telemetry.version) {
    case IntVersion::k05:
      return HopLayout::kInt05;
    case IntVersion::k2x:
    case IntVersion::k2xMx:
      return HopLayout::kInt2x;
    case IntVersion::k10:
    case IntVersion::kMri:
    case IntVersion::kNone:
      break;
  }
  return telemetry.layout;
}

void put_packet(ByteWriter& out, const Packet& packet) {
  const std::size_t start = out.size();
  const bool marked = packet.telemetry.has_value();
  const bool inserted = marked && packet.telemetry->marking == Marking::kInsertedUdp;
  const bool by_dscp = marked && packet.telemetry->marking == Marking::kDscp;
  if (packet.ethernet) {
    put_ethernet(out, packet.destination_mac, packet.source_mac, packet.vlans,
                 packet.source.version);
  }
  const IpLengths ip = put_ip(out, {.source = packet.source,
                                    .destination = packet.destination,
                                    .dscp = by_dscp ? packet.telemetry->marked_dscp : packet.dscp,
                                    .ecn = packet.ecn,
                                    .ttl = packet.ttl,
                                    .protocol = inserted ? kUdp : packet.protocol,
                                    .identification = packet.identification});
  if (inserted) {
    const std::size_t udp = out.size();
    const std::size_t length_at =
        put_udp_header(out, packet.inserted_source_port, packet.telemetry->marked_port);
    put_telemetry(out, packet);
    put_l4(out, packet, ip, Int::kWithout);
    out.set16(length_at, static_cast<std::uint32_t>(out.size() - udp));
  } else {
    put_l4(out, packet, ip, marked ? Int::kWith : Int::kWithout);
  }
  finish_ip(out, ip);
  if (packet.captured_bytes != 0) out.cut(start + packet.captured_bytes);
}

}  // namespace hopscope::pipeline::encode
