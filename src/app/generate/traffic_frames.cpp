// The frames of the traffic model: from drawn subjects and measured hops to encoded reports.

#include <algorithm>
#include <iterator>

#include "app/generate/traffic.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::app {
namespace {

namespace encode = pipeline::encode;
using pipeline::Field;
using pipeline::FieldMask;
using pipeline::IpAddress;

/// Reasons of drop reports: TTL zero, no route, tail drop, ACL.
constexpr std::uint8_t kDropReasons[] = {26, 29, 51, 60};
/// A flow is an address (its number) and this many random choices.
enum FlowTrait : std::uint64_t { kIsIpv6 = 16, kIsTcp, kSourcePort, kDestinationPort, kReason };

void put32(IpAddress& address, std::size_t offset, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) {
    address.bytes[offset + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }
}

/// fd00::<high>:<low>
IpAddress ipv6(std::uint32_t high, std::uint32_t low) {
  IpAddress address{.version = 6};
  address.bytes[0] = 0xFD;
  put32(address, 8, high);
  put32(address, 12, low);
  return address;
}

std::uint64_t hash_of_path(const SwitchPath& path) {
  std::uint64_t hash = path.count;
  for (unsigned i = 0; i < path.count; ++i) hash = mix(hash + 1) ^ path.index[i];
  return hash | 1;  // 0 is for "no stack"
}

}  // namespace

void TrafficModel::set_outer(const Subject& subject) {
  const std::uint32_t reporter = Topology::switch_id(subject.path.index[subject.reporter]);
  outer_.destination_mac = options_.destination_mac;
  outer_.source_mac = options_.source_mac;
  outer_.vlans = options_.vlans;
  outer_.destination = options_.destination;
  outer_.source = options_.destination.version == 4 ? encode::ipv4(0x0AFE'0000 + reporter)
                                                    : ipv6(0xFE, reporter);
  outer_.identification = static_cast<std::uint16_t>(frames_);
  outer_.source_port = static_cast<std::uint16_t>(
      0xC000 + below(hash_of(options_.seed, subject.flow, 4), options_.source_ports));
  outer_.destination_port = options_.report_port;
  outer_.udp_checksum = options_.udp_checksum;
}

ReportRecord& TrafficModel::measure(FrameKind kind, const Subject& subject) {
  fabric_.measure(subject.path, subject.flow, record_.time_ns, random_, hops_);
  ReportRecord report{.flow = subject.flow,
                      .ipv6 = unit(hash_of(options_.seed, subject.flow, kIsIpv6)) < options_.ipv6};
  if (kind == FrameKind::kStack) {
    report.hops = static_cast<std::uint8_t>(subject.path.count);
    report.path_hash = hash_of_path(subject.path);
    report.congested =
        std::any_of(hops_.begin(), hops_.end(), [](const HopValues& hop) { return hop.congested; });
    for (const HopValues& hop : hops_) {
      record_.ports.push_back(hop.switch_index * topology_.port_count() + hop.egress_port);
    }
  } else {
    HopValues& hop = hops_[subject.reporter];
    report.hops = 1;
    report.congested = hop.congested;
    if (kind == FrameKind::kDrop) {
      report.drop_reason =
          kDropReasons[below(hash_of(options_.seed, subject.flow, kReason + hop.switch_index),
                             std::size(kDropReasons))];
      hop.metadata.drop_queue_id = hop.metadata.queue_id;
      hop.metadata.drop_reason = report.drop_reason;
    } else {
      record_.ports.push_back(hop.switch_index * topology_.port_count() + hop.egress_port);
    }
  }
  return record_.reports.emplace_back(report);
}

encode::Telemetry TrafficModel::telemetry() const {
  encode::Telemetry telemetry;
  switch (report_version(options_.format)) {
    case 0:
      telemetry.version = pipeline::IntVersion::k05;
      break;
    case 1:
      telemetry.version = pipeline::IntVersion::k10;
      break;
    default:
      telemetry.version = options_.format == TrafficFormat::kReport20Mx
                              ? pipeline::IntVersion::k2xMx
                              : pipeline::IntVersion::k2x;
  }
  telemetry.marked_dscp = options_.dscp;
  telemetry.bitmap = encode::int_bitmap(fields_, layout_of(telemetry));
  telemetry.max_hops = kMaxPathHops;
  telemetry.remaining_hops = static_cast<std::uint8_t>(kMaxPathHops - options_.hops);
  if (telemetry.version == pipeline::IntVersion::k2xMx) return telemetry;
  for (auto hop = hops_.rbegin(); hop != hops_.rend(); ++hop) {
    telemetry.hops.push_back(hop->metadata);  // the stack's top is nearest to the sink
  }
  return telemetry;
}

encode::Packet TrafficModel::packet(FrameKind kind, const Subject& subject) const {
  const auto trait = [&](FlowTrait which) { return hash_of(options_.seed, subject.flow, which); };
  encode::Packet packet;
  const bool ip_first = options_.inner == InnerLayer::kAuto ? report_version(options_.format) == 2
                                                            : options_.inner == InnerLayer::kIp;
  packet.ethernet = !ip_first;
  const std::uint32_t server = 1 + subject.path.index[subject.path.count - 1];
  if (unit(trait(kIsIpv6)) < options_.ipv6) {
    packet.source = ipv6(1, subject.flow);
    packet.destination = ipv6(2, server);
  } else {
    packet.source = encode::ipv4(0x0B00'0000 + subject.flow);  // 11.0.0.0/8
    packet.destination = encode::ipv4(0xAC10'0000 + server);   // 172.16.0.0/12
  }
  packet.protocol = unit(trait(kIsTcp)) < options_.tcp ? 6 : 17;
  packet.source_port = static_cast<std::uint16_t>(1024 + below(trait(kSourcePort), 60'000));
  packet.destination_port = static_cast<std::uint16_t>(1 + below(trait(kDestinationPort), 1023));
  packet.identification = static_cast<std::uint16_t>(frames_);
  packet.payload.assign(options_.payload_bytes, 0x5A);
  const bool has_int = kind == FrameKind::kStack || (kind == FrameKind::kPostcard &&
                                                     options_.format == TrafficFormat::kReport20Mx);
  if (has_int) packet.telemetry = telemetry();
  return packet;
}

void TrafficModel::make_05(FrameKind kind, const Subject& subject) {
  const ReportRecord& record = measure(kind, subject);
  const HopValues& reporter = hops_[subject.reporter];
  encode::Report05 report;
  report.kind = kind == FrameKind::kStack      ? encode::Report05::Kind::kPacket
                : kind == FrameKind::kPostcard ? encode::Report05::Kind::kLocal
                                               : encode::Report05::Kind::kDrop;
  report.flags = {
      .dropped = kind == FrameKind::kDrop, .congested = record.congested, .tracked = true};
  report.hw_id = static_cast<std::uint8_t>(record_.sequence_key % kPipes);
  report.sequence = record_.sequence;
  report.ingress_time = static_cast<std::uint32_t>(reporter.metadata.ingress_time);
  report.switch_id = reporter.metadata.node_id;
  report.metadata = reporter.metadata;
  report.packet = packet(kind, subject);
  marks_ = put_frame(frame_, outer_, report);
}

void TrafficModel::make_10(FrameKind kind, const Subject& subject) {
  const ReportRecord& record = measure(kind, subject);
  const HopValues& reporter = hops_[subject.reporter];
  encode::Report10 report;
  report.flags = {
      .dropped = kind == FrameKind::kDrop, .congested = record.congested, .tracked = true};
  report.hw_id = static_cast<std::uint8_t>(record_.sequence_key % kPipes);
  report.switch_id = reporter.metadata.node_id;
  report.sequence = record_.sequence;
  report.ingress_time = static_cast<std::uint32_t>(reporter.metadata.ingress_time);
  report.metadata = reporter.metadata;
  if (kind == FrameKind::kPostcard) {
    report.md_bits = encode::report10_bits(fields_);
  } else if (kind == FrameKind::kDrop) {
    report.md_bits =
        encode::report10_bits(static_cast<FieldMask>(bit(Field::kL1Ports) | bit(Field::kDrop)));
  }
  report.packet = packet(kind, subject);
  marks_ = put_frame(frame_, outer_, report);
}

encode::IndividualReport TrafficModel::individual(FrameKind kind, const Subject& subject) {
  const ReportRecord& record = measure(kind, subject);
  encode::IndividualReport report;
  report.inner_only = kind == FrameKind::kStack;
  report.flags = {
      .dropped = kind == FrameKind::kDrop, .congested = record.congested, .tracked = true};
  report.metadata = hops_[subject.reporter].metadata;
  if (kind == FrameKind::kPostcard) {
    report.md_bits = encode::report20_bits(fields_);
  } else if (kind == FrameKind::kDrop) {
    report.md_bits =
        encode::report20_bits(static_cast<FieldMask>(bit(Field::kL1Ports) | bit(Field::kDrop)));
  }
  report.packet = packet(kind, subject);
  return report;
}

void TrafficModel::make_20(FrameKind kind, const Subject& first) {
  encode::Report20 report;
  const std::uint16_t node = first.path.index[first.reporter];
  report.hw_id = static_cast<std::uint8_t>(record_.sequence_key % kPipes);
  report.sequence = record_.sequence;
  report.node_id = Topology::switch_id(node);
  report.reports.push_back(individual(kind, first));
  // A datagram holds reports of one node: another flow only if it crosses that node too.
  const std::size_t count =
      record_.error == pipeline::DecodeError::kNone ? options_.reports_per_datagram : 1;
  while (report.reports.size() < count) {
    Subject another = draw_subject(draw_flow(), false);
    const auto end = another.path.index.begin() + another.path.count;
    const auto found = has_stack(options_.format)
                           ? end - (another.path.index[another.path.count - 1] == node ? 1 : 0)
                           : std::find(another.path.index.begin(), end, node);
    if (found == end) {
      another = first;
    } else {
      another.reporter = static_cast<unsigned>(found - another.path.index.begin());
    }
    report.reports.push_back(individual(kind, another));
  }
  marks_ = put_frame(frame_, outer_, report);
}

}  // namespace hopscope::app
