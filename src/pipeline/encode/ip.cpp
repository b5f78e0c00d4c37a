#include "pipeline/encode/ip.h"

#include <stdexcept>

#include "base/assert.h"

namespace hopscope::pipeline::encode {

void put_ethernet(ByteWriter& out, const std::array<std::uint8_t, 6>& destination,
                  const std::array<std::uint8_t, 6>& source, std::span<const std::uint16_t> vlans,
                  std::uint8_t ip_version) {
  out.put(destination);
  out.put(source);
  for (const std::uint16_t vlan : vlans) {
    out.put16(0x8100);
    out.put16(vlan);
  }
  out.put16(ip_version == 4 ? 0x0800 : 0x86DD);
}

IpLengths put_ip(ByteWriter& out, const IpHeader& header) {
  const std::uint8_t version = header.source.version;
  if (header.destination.version != version || (version != 4 && version != 6)) {
    throw std::invalid_argument("source and destination must both be IPv4 or both IPv6");
  }
  const IpLengths ip{.offset = out.size(), .version = version};
  const std::uint32_t traffic_class = (header.dscp & 0x3FU) << 2 | (header.ecn & 3U);
  if (version == 4) {
    out.put8(0x45);
    out.put8(traffic_class);
    out.put16(0);  // total length
    out.put16(header.identification);
    out.put16(header.dont_fragment ? 0x4000 : 0);
    out.put8(header.ttl);
    out.put8(header.protocol);
    out.put16(0);  // checksum
    out.put(std::span(header.source.bytes).first(4));
    out.put(std::span(header.destination.bytes).first(4));
  } else {
    out.put32(6U << 28 | traffic_class << 20);
    out.put16(0);  // payload length
    out.put8(header.protocol);
    out.put8(header.ttl);
    out.put(header.source.bytes);
    out.put(header.destination.bytes);
  }
  return ip;
}

void finish_ip(ByteWriter& out, const IpLengths& ip) {
  HOPSCOPE_ASSERT(ip.version == 4 || ip.version == 6);
  HOPSCOPE_ASSERT(ip.payload() <= out.size());
  const std::size_t length = out.size() - (ip.version == 4 ? ip.offset : ip.payload());
  if (length > 0xFFFF) throw std::invalid_argument("IP packet of more than 65535 bytes");
  if (ip.version == 6) {
    out.set16(ip.offset + 4, static_cast<std::uint32_t>(length));
    return;
  }
  out.set16(ip.offset + 2, static_cast<std::uint32_t>(length));
  out.set16(ip.offset + 10, 0);
  out.set16(ip.offset + 10, checksum_finish(checksum_add(0, out.from(ip.offset).first(20))));
}

void set_l4_checksum(ByteWriter& out, const IpLengths& ip, std::uint8_t protocol, std::size_t start,
                     std::size_t checksum_at) {
  HOPSCOPE_ASSERT(ip.payload() <= start && start <= checksum_at);
  HOPSCOPE_ASSERT(checksum_at + 2 <= out.size());
  HOPSCOPE_ASSERT(out.bytes()[checksum_at] == 0 && out.bytes()[checksum_at + 1] == 0);
  const auto l4 = out.from(start);
  const auto header = out.from(ip.offset);
  std::uint64_t sum =
      checksum_add(0, ip.version == 4 ? header.subspan(12, 8) : header.subspan(8, 32));
  sum += protocol + l4.size();
  const std::uint16_t checksum = checksum_finish(checksum_add(sum, l4));
  // RFC 768: zero means "no checksum", so a sum of zero is written in its other representation.
  out.set16(checksum_at, checksum == 0 && protocol == 17 ? 0xFFFF : checksum);
}

}  // namespace hopscope::pipeline::encode
