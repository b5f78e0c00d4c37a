// Ethernet to UDP around a report.

#include <algorithm>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/ip.h"
#include "pipeline/report/internet_checksum.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr unsigned kMaxVlans = 2;

/// The first byte of the network layer; null: the frame ends before it.
const std::uint8_t* skip_ethernet(Bytes frame, OuterHeaders& outer) noexcept {
  if (frame.size() < kEthernetBytes) return nullptr;
  const std::uint8_t* at = frame.data() + kEthernetBytes;
  const std::uint8_t* end = frame.data() + frame.size();
  std::uint16_t ethertype = be16(at - 2);
  while (is_vlan(ethertype) && outer.vlan_count < kMaxVlans) {
    if (end - at < static_cast<std::ptrdiff_t>(kVlanBytes)) return nullptr;
    outer.vlan[outer.vlan_count++] = be16(at) & 0x0FFF;
    ethertype = be16(at + 2);
    at += kVlanBytes;
  }
  if (ethertype == kEtherTypeMpls) {
    if (end - at < static_cast<std::ptrdiff_t>(kMplsBytes) + 1) return nullptr;
    outer.mpls = true;
    outer.mpls_label = be24(at) >> 4;
    outer.mpls_bottom = (at[2] & 1) != 0;
    outer.mpls_ttl = at[3];
    at += kMplsBytes;
    // Some senders leave the bottom-of-stack bit unset: the next nibble decides what follows.
    const unsigned nibble = at[0] >> 4;
    ethertype = nibble == 4 ? kEtherTypeIpv4 : nibble == 6 ? kEtherTypeIpv6 : ethertype;
  }
  outer.ethertype = ethertype;
  return at;
}

}  // namespace

DecodeError Decoder::outer(Bytes frame, OuterHeaders& outer) const noexcept {
  const DecodeError error = report_outer(frame, outer);
  const bool is_other = error == DecodeError::kNotUdp || error == DecodeError::kOtherPort;
  if (config_.data_packets == DataPackets::kOff || !is_other) return error;
  outer.data_packet = true;
  outer.no_report = config_.data_packets == DataPackets::kOn ? DecodeError::kNoTelemetry : error;
  outer.payload = frame;
  return DecodeError::kNone;
}

DecodeError Decoder::report_outer(Bytes frame, OuterHeaders& outer) const noexcept {
  static_assert(std::is_trivially_destructible_v<OuterHeaders>);
  new (&outer) OuterHeaders;
  const std::uint8_t* ip = skip_ethernet(frame, outer);
  if (ip == nullptr) return DecodeError::kShortFrame;
  const std::uint8_t* end = frame.data() + frame.size();
  if (!formats_.empty() && !outer.mpls) {
    outer.format = format_of_ethertype(outer.ethertype);
    if (outer.format != nullptr) {
      outer.payload = Bytes(ip, static_cast<std::size_t>(end - ip));
      return DecodeError::kNone;
    }
  }
  const bool is_ipv4 = outer.ethertype == kEtherTypeIpv4;
  if (!is_ipv4 && outer.ethertype != kEtherTypeIpv6) return DecodeError::kNotUdp;

  IpHeader header;
  const IpError ip_error = is_ipv4 ? read_ipv4(ip, end, header) : read_ipv6(ip, end, header);
  if (ip_error == IpError::kShort) return DecodeError::kShortFrame;
  if (ip_error == IpError::kBad) return DecodeError::kBadOuterIp;
  outer.has_ip = true;
  outer.source = header.source;
  outer.destination = header.destination;
  outer.ttl = header.ttl;
  if (header.protocol != kProtocolUdp) return DecodeError::kNotUdp;
  HOPSCOPE_ASSERT(header.payload > ip && header.payload <= end);
  // The end that the IP header states; Ethernet padding and trailers follow it.
  if (header.length < static_cast<std::size_t>(header.payload - ip))
    return DecodeError::kBadOuterIp;
  const std::uint8_t* ip_end = ip + header.length;

  // A first fragment has its UDP header; later ones do not.
  const bool has_udp = !header.later_fragment && end - header.payload >= 8;
  if (has_udp) {
    outer.has_udp = true;
    outer.source_port = be16(header.payload);
    outer.destination_port = be16(header.payload + 2);
    outer.udp_length = be16(header.payload + 4);
  }
  if (header.fragment) return DecodeError::kOuterFragment;
  if (!has_udp) return DecodeError::kShortFrame;
  if (std::find(config_.report_udp_port.begin(), config_.report_udp_port.end(),
                outer.destination_port) == config_.report_udp_port.end()) {
    outer.format = formats_.empty() ? nullptr : format_of_port(outer.destination_port);
    if (outer.format == nullptr) return DecodeError::kOtherPort;
  }
  if (outer.udp_length < kUdpBytes || header.payload + outer.udp_length > ip_end) {
    return DecodeError::kBadOuterUdpLength;
  }
  const std::uint8_t* payload = header.payload + kUdpBytes;
  if (header.payload + outer.udp_length > end) return DecodeError::kShortFrame;
  outer.payload = Bytes(payload, outer.udp_length - kUdpBytes);
  return config_.checksums == ChecksumPolicy::kOff ? DecodeError::kNone : verify(ip, header, outer);
}

DecodeError Decoder::verify(const std::uint8_t* ip, const IpHeader& header,
                            OuterHeaders& outer) const noexcept {
  HOPSCOPE_ASSERT(outer.has_udp && outer.udp_length >= kUdpBytes);
  const std::uint8_t* udp = header.payload;
  const bool is_ipv4 = header.source.version == 4;
  if (is_ipv4) {
    const auto bytes = static_cast<std::size_t>(udp - ip);
    const std::uint64_t sum =
        bytes == kIpv4Bytes ? checksum_sum20(ip) : checksum_sum(Bytes(ip, bytes));
    outer.ipv4_checksum_wrong = !is_checksum_right(sum);
  }
  if (be16(udp + 6) != 0) {
    const Bytes addresses = is_ipv4 ? Bytes(ip + 12, 8) : Bytes(ip + 8, 32);
    outer.udp_checksum_wrong = !is_udp_checksum_right(addresses, Bytes(udp, outer.udp_length));
  }
  if (config_.checksums != ChecksumPolicy::kDrop) return DecodeError::kNone;
  if (outer.ipv4_checksum_wrong) return DecodeError::kBadIpv4Checksum;
  return outer.udp_checksum_wrong ? DecodeError::kBadUdpChecksum : DecodeError::kNone;
}

}  // namespace hopscope::pipeline
