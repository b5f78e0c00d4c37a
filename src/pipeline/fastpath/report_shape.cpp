#include "pipeline/fastpath/report_shape.h"

#include <algorithm>

#include "pipeline/decode/ip.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/deviation.h"

namespace hopscope::pipeline {
namespace {

constexpr std::uint16_t kPortVxlanGpe = 4790;
constexpr std::uint16_t kPortGeneve = 6081;
constexpr std::size_t kMarkerBytes = 8;

/// Follows the checked decoder through a frame and notes the bits that it looked at.
class Learner {
 public:
  Learner(Bytes frame, const OuterHeaders& outer, const Report& report, const DecodeConfig& config,
          const Dialect& dialect)
      : frame_(frame), outer_(outer), report_(report), config_(config) {
    shape_.dialect = dialect;
  }

  std::optional<ReportShape> learn() {
    if (!is_plain()) return std::nullopt;
    shape_.header_bytes = static_cast<std::uint16_t>(at(report_.stack.hops));
    if (shape_.header_bytes > kMaxHeaderBytes) return std::nullopt;
    if (!outer_headers() || !report_header() || !packet() || !stack()) return std::nullopt;
    for (std::size_t i = 0; i < shape_.header_bytes; ++i) {
      shape_.value[i] = frame_[i] & shape_.mask[i];
    }
    return shape_;
  }

 private:
  /// One report of an INT-MD stack, with nothing that shapes do not know.
  [[nodiscard]] bool is_plain() const {
    const InnerPacket& inner = report_.inner;
    const IntStack& stack = report_.stack;
    const bool has_stack = (stack.version == IntVersion::k05 || stack.version == IntVersion::k10 ||
                            stack.version == IntVersion::k2x) &&
                           stack.shim != nullptr && stack.hop_count > 0 &&
                           stack.hop_count <= kMaxHops && stack.source_only.empty() &&
                           stack.source_inserted.empty() && !stack.has_flow_seq;
    const bool plain_packet = inner.tunnel.kind == Tunnel::Kind::kNone &&
                              inner.original_l4 == nullptr && inner.original_protocol == 0 &&
                              inner.ioam == nullptr && inner.l4 != nullptr;
    return has_stack && plain_packet && report_.error == DecodeError::kNone && !report_.dropped &&
           !report_.intermediate && report_.metadata.present == 0 && outer_.has_udp &&
           !outer_.mpls && !outer_.data_packet && outer_.format == nullptr && !config_.mri &&
           config_.domains.empty();
  }

  [[nodiscard]] std::size_t at(const std::uint8_t* byte) const {
    return static_cast<std::size_t>(byte - frame_.data());
  }

  /// These bits of the byte decide.
  void fix(std::size_t offset, std::uint8_t bits = 0xFF) {
    if (offset < shape_.header_bytes) shape_.mask[offset] |= bits;
  }
  void fix_bytes(std::size_t offset, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) fix(offset + i);
  }

  /// EtherType and those of the tags in front of it; `ip` is where the network layer starts.
  void fix_ethertypes(std::size_t ethernet, std::size_t ip) {
    for (std::size_t type = ethernet + kEthernetBytes - 2; type < ip; type += kVlanBytes) {
      fix_bytes(type, 2);
    }
  }

  /// False: options or extension headers in a place where shapes know none. `dscp`: the bits of it
  /// that decide.
  bool fix_ip(std::size_t ip, std::size_t l4, bool is_ipv6, std::uint8_t dscp) {
    if (is_ipv6) {
      fix(ip, static_cast<std::uint8_t>(0xF0 | dscp >> 2));
      fix(ip + 1, static_cast<std::uint8_t>(dscp << 6));
      fix(ip + 6);
      return l4 == ip + kIpv6Bytes;
    }
    fix(ip);
    fix(ip + 1, static_cast<std::uint8_t>(dscp << 2));
    fix(ip + 6, 0x3F);
    fix(ip + 7);
    fix(ip + 9);
    return true;
  }

  bool outer_headers() {
    shape_.outer_ipv6 = outer_.source.version == 6;
    shape_.ip_at = static_cast<std::uint16_t>(kEthernetBytes + kVlanBytes * outer_.vlan_count);
    shape_.udp_at = static_cast<std::uint16_t>(at(outer_.payload.data()) - kUdpBytes);
    shape_.source_at = static_cast<std::uint16_t>(shape_.ip_at + (shape_.outer_ipv6 ? 8 : 12));
    shape_.report_at = static_cast<std::uint16_t>(shape_.udp_at + kUdpBytes);
    shape_.ip_length_at = static_cast<std::uint16_t>(shape_.ip_at + (shape_.outer_ipv6 ? 4 : 2));
    fix_ethertypes(0, shape_.ip_at);
    fix_bytes(std::size_t{shape_.udp_at} + 2, 2);
    // Options would need a checksum of another length.
    const std::size_t ip_bytes = shape_.outer_ipv6 ? kIpv6Bytes : kIpv4Bytes;
    return fix_ip(shape_.ip_at, shape_.udp_at, shape_.outer_ipv6, 0) &&
           shape_.udp_at == shape_.ip_at + ip_bytes;
  }

  bool report_header() {
    const std::size_t report = shape_.report_at;
    shape_.version = report_.version;
    shape_.congested = report_.congested;
    shape_.tracked = report_.tracked;
    shape_.has_node_id = report_.has_node_id;
    shape_.hw_id_4_bits = shape_.dialect.tr20_hw_id_4_bits;
    shape_.deviations =
        deviations_of(outer_, report_) &
        static_cast<DeviationMask>(~(bit(Deviation::kIpv4Checksum) | bit(Deviation::kUdpChecksum)));
    shape_.manner = SenderWords::manner_of(shape_.outer_ipv6, shape_.version, shape_.deviations);
    switch (report_.version) {
      case 0:
        fix_bytes(report, 2);
        return (frame_[report] & 0x0F) == 0;  // NProto 0: the packet follows at once
      case 1:
        fix_bytes(report, 3);
        fix(report + 3, 0xC0);
        return true;
      case 2:
        return report_header20(report);
      default:
        return false;
    }
  }

  bool report_header20(std::size_t group) {
    constexpr unsigned kEthernetFollows = 3;
    const std::size_t individual = at(report_.header);
    if (individual != group + kGroupBytes) return false;  // others were skipped in front of it
    fix(group, 0xF0);
    fix_bytes(individual, 4);
    if (frame_[group] >> 4 != 2 || (frame_[individual] & 0x0F) < kEthernetFollows) return false;
    const std::uint8_t length = frame_[individual + 1];
    const bool to_the_end = shape_.dialect.tr20_no_lengths || length == 0 || length == 0xFF;
    if (!to_the_end) {
      shape_.report_length_at = static_cast<std::uint16_t>(individual + 1);
      shape_.mask[individual + 1] = 0;
    }
    if (frame_[individual] >> 4 == 1) fix_bytes(individual + 4, 2);  // RepMdBits
    if ((report_.metadata.present | report_.ds_metadata.size()) != 0) return false;
    // Some announce IPv4 and send Ethernet; and the length must be that of the only report.
    const bool is_ethernet = (frame_[individual] & 0x0F) == kEthernetFollows;
    if (is_ethernet != (report_.inner.ethernet != nullptr)) return false;
    return length != 0xFF && lengths_fit_alone();
  }

  /// No second report behind this one.
  [[nodiscard]] bool lengths_fit_alone() const {
    return report_.contents.data() + report_.contents.size() ==
           outer_.payload.data() + outer_.payload.size();
  }

  bool packet() {
    const InnerPacket& inner = report_.inner;
    const std::size_t ip = at(inner.ip);
    const std::size_t l4 = at(inner.l4);
    shape_.inner_ipv6 = inner.ip_version == 6;
    shape_.addresses_at = static_cast<std::uint16_t>(ip + (shape_.inner_ipv6 ? 8 : 12));
    shape_.l4_at = static_cast<std::uint16_t>(l4);
    shape_.protocol = inner.protocol;
    if (inner.ethernet != nullptr) fix_ethertypes(at(inner.ethernet), ip);
    const std::uint8_t dscp = config_.int_dscp ? config_.int_dscp_mask & 0x3F : 0;
    if (!fix_ip(ip, l4, shape_.inner_ipv6, dscp)) return false;
    if (inner.protocol == kProtocolTcp) fix(l4 + 12, 0xF0);
    shape_.special_ports = {kPortVxlanGpe, kPortGeneve, config_.int_udp_port.value_or(kPortGeneve)};
    const std::uint16_t port = be16(inner.l4 + 2);
    shape_.port_is_fixed = std::find(shape_.special_ports.begin(), shape_.special_ports.end(),
                                     port) != shape_.special_ports.end();
    if (shape_.port_is_fixed) fix_bytes(l4 + 2, 2);
    return port != kPortVxlanGpe && port != kPortGeneve;
  }

  bool stack() {
    const IntStack& stack = report_.stack;
    const std::size_t shim = at(stack.shim);
    const std::size_t header = at(stack.header);
    const bool is_2x = stack.version == IntVersion::k2x;
    if (config_.int_probe_marker) {
      // With the marker in front, or the bytes that might be it.
      fix_bytes(stack.has_marker ? shim - kMarkerBytes : shim, kMarkerBytes);
    }
    fix(shim);
    fix(shim + (is_2x ? 1 : 2));
    fix_bytes(header, 3);
    if (stack.version == IntVersion::k05) fix(header + 3);
    fix_bytes(header + 4, 2);
    // A cut tail names no port; whole ones do.
    if (stack.version == IntVersion::k05 && stack.tail == nullptr) return false;
    std::size_t end = at(stack.hops) + std::size_t{stack.hop_count} * stack.hop_bytes;
    if (stack.tail != nullptr) {
      shape_.original_port_at = static_cast<std::uint16_t>(at(stack.tail) + 1);
      shape_.original_port_is_0 = true;
      end = at(stack.tail) + 4;
    } else if (is_2x) {
      const unsigned npt = (frame_[shim] >> 2) & 3;
      if (npt > 1) return false;
      if (npt == 1) shape_.original_port_at = static_cast<std::uint16_t>(shim + 2);
    }
    shape_.stack_end = static_cast<std::uint16_t>(end);
    shape_.bitmap = stack.bitmap;
    shape_.layout = stack.layout;
    return make_column_plan(stack, shape_.columns);
  }

  const Bytes frame_;
  const OuterHeaders& outer_;
  const Report& report_;
  const DecodeConfig& config_;
  ReportShape shape_;
};

}  // namespace

std::optional<ReportShape> learn_shape(Bytes frame, const OuterHeaders& outer, const Report& report,
                                       const DecodeConfig& config, const Dialect& dialect) {
  return Learner(frame, outer, report, config, dialect).learn();
}

}  // namespace hopscope::pipeline
