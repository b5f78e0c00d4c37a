#include "pipeline/decode/inner.h"

#include "base/assert.h"
#include "pipeline/decode/int_stack.h"
#include "pipeline/decode/ip.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr unsigned kMaxVlans = 4;
constexpr std::uint16_t kPortVxlanGpe = 4790;
constexpr std::uint16_t kPortGeneve = 6081;
constexpr std::size_t kVxlanBytes = 8;
constexpr std::size_t kGeneveBytes = 8;
constexpr std::size_t kMarkerBytes = 8;
constexpr std::uint8_t kMriOption = 31;
constexpr std::uint8_t kGpeIpv4 = 1;
constexpr std::uint8_t kGpeIpv6 = 2;
constexpr std::uint8_t kGpeEthernet = 3;

/// The packet that is being read.
struct Reading {
  const DecodeConfig& config;
  const Dialect& dialect;
  Report& report;
  const std::uint8_t* end;
  IpHeader ip;

  [[nodiscard]] std::size_t left(const std::uint8_t* at) const noexcept {
    return at < end ? static_cast<std::size_t>(end - at) : 0;
  }
};

/// The first byte after the Ethernet header and its tags; null: the header is truncated.
const std::uint8_t* skip_ethernet(Bytes bytes, std::uint16_t& ethertype,
                                  InnerPacket* inner) noexcept {
  if (bytes.size() < kEthernetBytes) return nullptr;
  const std::uint8_t* at = bytes.data() + kEthernetBytes;
  const std::uint8_t* end = bytes.data() + bytes.size();
  ethertype = be16(at - 2);
  for (unsigned i = 0; i < kMaxVlans && is_vlan(ethertype); ++i) {
    if (end - at < static_cast<std::ptrdiff_t>(kVlanBytes)) return nullptr;
    if (inner != nullptr) {
      HOPSCOPE_ASSERT(inner->vlan_count < inner->vlan.size());
      inner->vlan[inner->vlan_count++] = be16(at) & 0x0FFF;
    }
    ethertype = be16(at + 2);
    at += kVlanBytes;
  }
  return at;
}

void set_flow(Report& report, const IpHeader& ip, std::uint8_t protocol, std::uint16_t source_port,
              std::uint16_t destination_port) noexcept {
  HOPSCOPE_ASSERT(ip.source.version == 4 || ip.source.version == 6);
  HOPSCOPE_ASSERT(!report.has_flow4 && !report.has_flow6);
  if (ip.source.version == 4) {
    report.has_flow4 = true;
    report.flow4 = FlowKey4{};
    std::memcpy(&report.flow4.source, ip.source.bytes.data(), 4);
    std::memcpy(&report.flow4.destination, ip.destination.bytes.data(), 4);
    report.flow4.source_port = source_port;
    report.flow4.destination_port = destination_port;
    report.flow4.protocol = protocol;
  } else {
    report.has_flow6 = true;
    report.flow6 = FlowKey6{};
    report.flow6.source = ip.source.bytes;
    report.flow6.destination = ip.destination.bytes;
    report.flow6.source_port = source_port;
    report.flow6.destination_port = destination_port;
    report.flow6.protocol = protocol;
  }
}

void clear_flow(Report& report) noexcept {
  report.has_flow4 = false;
  report.has_flow6 = false;
}

/// Bytes of the TCP or UDP header at `at`; 0: it is truncated or impossible.
std::size_t l4_bytes(const std::uint8_t* at, std::size_t present, std::uint8_t protocol) noexcept {
  HOPSCOPE_ASSERT(protocol == kProtocolUdp || protocol == kProtocolTcp);
  if (protocol == kProtocolUdp) return present >= kUdpBytes ? kUdpBytes : 0;
  if (present < kTcpBytes) return 0;
  const std::size_t length = std::size_t{at[12]} / 16 * 4;
  return length >= kTcpBytes ? length : 0;
}

/// The flow of a packet inside a tunnel: its own addresses and ports.
void set_tunnelled_flow(Reading& reading, const std::uint8_t* at,
                        std::uint16_t ethertype) noexcept {
  if (ethertype == kEtherTypeEthernet) {
    at = skip_ethernet(Bytes(at, reading.left(at)), ethertype, nullptr);
    if (at == nullptr) return;
  }
  IpHeader ip;
  if (ethertype == kEtherTypeIpv4) {
    if (read_ipv4(at, reading.end, ip) != IpError::kNone) return;
  } else if (ethertype == kEtherTypeIpv6) {
    if (read_ipv6(at, reading.end, ip) != IpError::kNone) return;
  } else {
    return;
  }
  const bool has_ports = ip.protocol == kProtocolUdp || ip.protocol == kProtocolTcp;
  if (ip.later_fragment || (has_ports && reading.left(ip.payload) < 4)) return;
  clear_flow(reading.report);
  set_flow(reading.report, ip, ip.protocol, has_ports ? be16(ip.payload) : std::uint16_t{0},
           has_ports ? be16(ip.payload + 2) : std::uint16_t{0});
}

std::uint16_t ethertype_of_gpe(std::uint8_t next_protocol) noexcept {
  switch (next_protocol) {
    case kGpeIpv4:
      return kEtherTypeIpv4;
    case kGpeIpv6:
      return kEtherTypeIpv6;
    case kGpeEthernet:
      return kEtherTypeEthernet;
    default:
      return 0;
  }
}

DecodeError read_gpe(Reading& reading, const std::uint8_t* vxlan) noexcept {
  HOPSCOPE_ASSERT(reading.left(vxlan) > kVxlanBytes);
  Report& report = reading.report;
  report.inner.tunnel = {.kind = Tunnel::Kind::kVxlanGpe, .header = vxlan, .option = nullptr};
  const IntResult result = read_int(vxlan + kVxlanBytes, reading.end, IntCarrier::kVxlanGpe,
                                    reading.config, reading.dialect, report.stack);
  if (result.after != nullptr) {
    set_tunnelled_flow(reading, result.after, ethertype_of_gpe(vxlan[kVxlanBytes + 3]));
  }
  return result.error;
}

/// True if the UDP payload is Geneve with an INT option; then `error` is that of the option.
bool read_geneve(Reading& reading, const std::uint8_t* geneve, DecodeError& error) noexcept {
  if (reading.left(geneve) < kGeneveBytes) return false;
  const std::size_t options = std::size_t{geneve[0] & 0x3FU} * 4;
  const std::uint8_t* at = geneve + kGeneveBytes;
  const std::uint8_t* options_end = at + options;
  Report& report = reading.report;
  while (at < options_end && reading.left(at) >= 4) {
    const unsigned words = at[3] & 0x1F;
    const std::uint8_t* next = at + 4 + std::size_t{words} * 4;
    if (be16(at) == reading.config.geneve_class) {
      report.inner.tunnel = {.kind = Tunnel::Kind::kGeneve, .header = geneve, .option = at};
      const unsigned type = at[2] & 0x7F;  // without the critical bit
      error = read_int_option(at + 4, reading.end, type, words, reading.config, reading.dialect,
                              report.stack)
                  .error;
      // Some senders state an Opt Len one word too small: the options' own lengths are used.
      const std::uint8_t* after = next > options_end ? next : options_end;
      if (reading.left(after) > 0) set_tunnelled_flow(reading, after, be16(geneve + 2));
      return true;
    }
    at = next;
  }
  return false;
}

DecodeError read_gre(Reading& reading, const std::uint8_t* gre) noexcept {
  if (reading.left(gre) < 4) return DecodeError::kNone;
  Report& report = reading.report;
  const std::uint16_t flags = be16(gre);
  const std::uint16_t protocol = be16(gre + 2);
  std::size_t length = 4;
  if ((flags & 0xC000) != 0) length += 4;  // checksum or routing
  if ((flags & 0x2000) != 0) length += 4;  // key
  if ((flags & 0x1000) != 0) length += 4;  // sequence
  const std::uint8_t* shim = gre + length;
  if (protocol != reading.config.int_gre_proto || reading.left(shim) == 0)
    return DecodeError::kNone;
  report.inner.tunnel = {.kind = Tunnel::Kind::kGre, .header = gre, .option = nullptr};
  const IntResult result =
      read_int(shim, reading.end, IntCarrier::kGre, reading.config, reading.dialect, report.stack);
  if (result.after != nullptr) set_tunnelled_flow(reading, result.after, be16(shim + 2));
  return result.error;
}

/// Restores in the flow's key the port or protocol that INT replaced in the packet.
void restore_flow(Reading& reading, const IntResult& result) noexcept {
  Report& report = reading.report;
  const IntStack& stack = report.stack;
  HOPSCOPE_ASSERT(result.error != DecodeError::kNotInt && result.npt <= 2);
  const auto set_port = [&](std::uint16_t port) {
    HOPSCOPE_ASSERT(report.has_flow4 || report.has_flow6);
    (report.has_flow4 ? report.flow4.destination_port : report.flow6.destination_port) = port;
  };
  if (stack.tail != nullptr) {
    const std::uint16_t port = be16(stack.tail + 1);
    if (port != 0) set_port(port);
    return;
  }
  if (stack.version != IntVersion::k2x && stack.version != IntVersion::k2xMx) return;
  if (result.npt == 1) set_port(result.shim_word);
  if (result.npt != 2) return;
  const std::uint8_t protocol = result.shim_byte3;
  report.inner.original_protocol = protocol;
  if (result.after == nullptr) return;
  const bool has_ports = protocol == kProtocolUdp || protocol == kProtocolTcp;
  if (has_ports && l4_bytes(result.after, reading.left(result.after), protocol) == 0) return;
  report.inner.original_l4 = has_ports ? result.after : nullptr;
  clear_flow(report);
  set_flow(report, reading.ip, protocol, has_ports ? be16(result.after) : std::uint16_t{0},
           has_ports ? be16(result.after + 2) : std::uint16_t{0});
}

/// Whether a shim and header of 0.5 are at `at`, by version and instruction count.
bool is_int05(const std::uint8_t* at, const std::uint8_t* end) noexcept {
  constexpr std::ptrdiff_t kShimAndHeader = 12;
  return end - at >= kShimAndHeader && at[0] >> 4 == 0 && at[4] >> 4 == 0 && (at[5] & 0x1F) != 0;
}

/// INT after TCP or UDP: probe marker, port and DSCP are tried in this order.
DecodeError read_l4_int(Reading& reading, const std::uint8_t* payload) noexcept {
  const DecodeConfig& config = reading.config;
  Report& report = reading.report;
  const InnerPacket& inner = report.inner;
  HOPSCOPE_ASSERT(inner.l4 != nullptr);
  DecodeError error = DecodeError::kNone;
  const auto attempt = [&](const std::uint8_t* at) {
    const IntResult result =
        read_int(at, reading.end, IntCarrier::kL4, config, reading.dialect, report.stack);
    error = result.error;
    if (error == DecodeError::kNotInt) return false;
    restore_flow(reading, result);
    return true;
  };
  if (config.int_probe_marker && reading.left(payload) >= kMarkerBytes &&
      be64(payload) == *config.int_probe_marker) {
    report.stack.has_marker = true;
    if (attempt(payload + kMarkerBytes)) return error;
    report.stack.has_marker = false;
  }
  // Over TCP only 0.5 marks by port.
  const bool may_be_by_port = inner.protocol == kProtocolUdp || is_int05(payload, reading.end);
  if (config.int_udp_port && may_be_by_port && be16(inner.l4 + 2) == *config.int_udp_port &&
      attempt(payload)) {
    return error;
  }
  const std::uint8_t mask = config.int_dscp_mask;
  if (config.int_dscp && (reading.ip.dscp & mask) == (*config.int_dscp & mask)) {
    (void)attempt(payload);
  }
  return error;
}

DecodeError read_l4(Reading& reading, bool may_have_int) noexcept {
  Report& report = reading.report;
  InnerPacket& inner = report.inner;
  const std::uint8_t* l4 = reading.ip.payload;
  HOPSCOPE_ASSERT(l4 != nullptr && !reading.ip.later_fragment);
  inner.protocol = reading.ip.protocol;
  if (inner.protocol == kProtocolGre) {
    set_flow(report, reading.ip, inner.protocol, 0, 0);
    return may_have_int ? read_gre(reading, l4) : DecodeError::kNone;
  }
  if (inner.protocol != kProtocolUdp && inner.protocol != kProtocolTcp) {
    set_flow(report, reading.ip, inner.protocol, 0, 0);
    return DecodeError::kNone;
  }
  const std::size_t length = l4_bytes(l4, reading.left(l4), inner.protocol);
  if (length == 0) return DecodeError::kShortInner;
  inner.l4 = l4;
  inner.l4_length = static_cast<std::uint8_t>(length);
  set_flow(report, reading.ip, inner.protocol, be16(l4), be16(l4 + 2));
  if (!may_have_int) return DecodeError::kNone;
  const bool before_options =
      inner.protocol == kProtocolTcp && reading.dialect.int_before_tcp_options;
  const std::uint8_t* payload = l4 + (before_options ? kTcpBytes : length);
  if (inner.protocol == kProtocolUdp) {
    const std::uint16_t port = be16(l4 + 2);
    if (port == kPortVxlanGpe && reading.left(payload) > kVxlanBytes) {
      for (const std::uint8_t next : reading.config.vxlan_gpe_next) {
        if (payload[3] == next) return read_gpe(reading, payload);
      }
    }
    DecodeError error = DecodeError::kNone;
    if (port == kPortGeneve && read_geneve(reading, payload, error)) return error;
  }
  return read_l4_int(reading, payload);
}

}  // namespace

DecodeError read_inner(Bytes bytes, InnerStart start, bool may_have_int, const DecodeConfig& config,
                       const Dialect& dialect, Report& report) noexcept {
  InnerPacket& inner = report.inner;
  inner.bytes = bytes;
  const std::uint8_t* at = bytes.data();
  std::uint16_t ethertype = start == InnerStart::kIpv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  if (start == InnerStart::kEthernet) {
    at = skip_ethernet(bytes, ethertype, &inner);
    if (at == nullptr) return DecodeError::kShortInner;
    inner.ethernet = bytes.data();
  }
  inner.ethertype = ethertype;
  Reading reading{.config = config,
                  .dialect = dialect,
                  .report = report,
                  .end = bytes.data() + bytes.size(),
                  .ip = {}};
  IpError error = IpError::kNone;
  if (ethertype == kEtherTypeIpv4) {
    error = read_ipv4(at, reading.end, reading.ip);
  } else if (ethertype == kEtherTypeIpv6) {
    error = read_ipv6(at, reading.end, reading.ip);
  } else {
    return DecodeError::kNone;  // not IP: metadata only, which is not an error
  }
  if (error == IpError::kShort) return DecodeError::kShortInner;
  if (error == IpError::kBad) return DecodeError::kBadInnerIp;
  inner.ip = at;
  inner.ip_version = reading.ip.source.version;
  inner.truncated = reading.ip.length > reading.left(at);
  inner.ioam = reading.ip.ioam;
  inner.ioam_length = reading.ip.ioam_length;
  if (reading.ip.later_fragment) {
    inner.protocol = reading.ip.protocol;
    return DecodeError::kNone;
  }
  if (config.mri && inner.ip_version == 4) {
    if (const std::uint8_t* option = find_ipv4_option(at, kMriOption)) {
      const DecodeError l4_error = read_l4(reading, false);
      const DecodeError mri_error = read_mri(option, report.stack);
      return mri_error != DecodeError::kNone ? mri_error : l4_error;
    }
  }
  return read_l4(reading, may_have_int);
}

}  // namespace hopscope::pipeline
