#include "model/traffic.h"

#include <algorithm>
#include <utility>

#include "pipeline/encode/metadata.h"

namespace hopscope::test::model {

using pipeline::Field;
using pipeline::FieldMask;
using pipeline::Metadata;
namespace encode = pipeline::encode;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// A fixed number for every pair of numbers.
std::uint32_t mixed(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = (a + 1) * 0x9E37'79B9'7F4A'7C15ULL ^ (b + 1) * 0xC2B2'AE3D'27D4'EB4FULL;
  x ^= x >> 29;
  x *= 0xBF58'476D'1CE4'E5B9ULL;
  return static_cast<std::uint32_t>(x >> 32);
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options, std::uint64_t seed)
    : options_(options), random_(seed) {}

void Traffic::next(std::size_t count, std::vector<Frame>& frames) {
  out_ = &frames;
  frames.clear();
  while (frames.size() < count) make_frame();
}

void Traffic::pass_time() {
  now_ns_ += below(2 * static_cast<std::uint64_t>(options_.step_ns));
  if (chance(options_.pauses)) {
    now_ns_ += below(static_cast<std::uint64_t>(options_.pause_s) * 1'000) * (kSecond / 1'000);
  }
  if (chance(options_.set_back)) now_ns_ -= 3'600 * kSecond;
}

std::uint32_t Traffic::sequence_of(std::uint32_t sender) {
  Sender& own = senders_[sender];
  if (chance(options_.restarts)) {
    own.number = below(3) == 0 ? below(1'000) : 0;
    own.counts = !chance(options_.constant);
  }
  if (chance(options_.lost)) own.number += below(10) == 0 ? below(100'000) : below(5);
  if (own.counts) ++own.number;
  return own.number;
}

Metadata Traffic::hop(std::uint32_t switch_id, std::uint32_t port, std::uint32_t flow) {
  Metadata hop;
  const bool moved = chance(options_.moves);
  hop.node_id = switch_id;
  hop.l1_ingress_if = 1 + mixed(switch_id, flow) % options_.ports;
  hop.l1_egress_if = port;
  hop.l2_ingress_if = hop.l1_ingress_if;
  hop.l2_egress_if = port + (mixed(port, switch_id) % 3) * 0x1'0000;
  hop.hop_latency =
      20'000 + mixed(switch_id, port) % 60'000 + below(30'000) + (moved ? below(1'000'000) : 0);
  hop.queue_id = mixed(flow, 7) % options_.queues;
  if (below(16) == 0) hop.queue_id = below(options_.queues);
  hop.queue_occupancy = below(50) + (moved ? below(2'000) : 0);
  hop.congestion_queue_id = hop.queue_id;
  hop.queue_congestion = below(40) + (moved ? below(500) : 0);
  hop.tx_utilization = 15 + below(5) + (moved ? below(80) : 0);
  hop.egress_time = static_cast<std::uint64_t>(now_ns_) % 0xFFFF'0000'0000ULL;
  hop.ingress_time = hop.egress_time - hop.hop_latency;
  hop.drop_queue_id = hop.queue_id;
  hop.drop_reason = 20 + mixed(flow, switch_id) % 40;
  if (options_.no_values > 0) {
    for (unsigned field = 0; field < static_cast<unsigned>(Field::kCount); ++field) {
      if (chance(options_.no_values))
        hop.invalid = static_cast<FieldMask>(hop.invalid | 1U << field);
    }
  }
  return hop;
}

std::vector<Metadata> Traffic::path_of(std::uint32_t flow) {
  if (chance(options_.new_paths)) ++route_[flow];
  const std::uint32_t route = mixed(flow, 1000 + route_[flow] % 5);
  const unsigned range = options_.most_hops - options_.least_hops + 1;
  const unsigned length = options_.least_hops + (route >> 8) % range;
  std::vector<Metadata> hops;
  for (unsigned i = 0; i < length; ++i) {
    const std::uint32_t switch_id = 1 + mixed(route, i) % options_.switches;
    hops.push_back(hop(switch_id, 1 + mixed(route, 100 + i) % options_.ports, flow));
  }
  return hops;
}

FieldMask Traffic::fields_of(std::uint32_t flow) const {
  FieldMask fields = bit(Field::kNodeId) | bit(Field::kHopLatency) | bit(Field::kTxUtilization) |
                     bit(Field::kQueue);
  fields =
      static_cast<FieldMask>(fields | bit(options_.wide_ports ? Field::kL2Ports : Field::kL1Ports));
  if (options_.has_times)
    fields = static_cast<FieldMask>(fields | bit(Field::kIngressTime) | bit(Field::kEgressTime));
  if (options_.same_fields) return fields;
  switch (mixed(flow, 3) % 8) {
    case 0:
      return static_cast<FieldMask>(fields & ~bit(Field::kHopLatency));
    case 1:
      return static_cast<FieldMask>(fields & ~(bit(Field::kTxUtilization) | bit(Field::kQueue)));
    case 2:
      return static_cast<FieldMask>(fields | bit(Field::kQueueCongestion));
    default:
      return fields;
  }
}

encode::Packet Traffic::packet_of(std::uint32_t flow) const {
  encode::Packet packet;
  packet.source_port = static_cast<std::uint16_t>(1024 + flow % 50'000);
  packet.destination_port = 443;
  packet.protocol = mixed(flow, 4) % 3 == 0 ? 6 : 17;
  packet.payload.assign(8, 0x5A);
  const bool is_ipv6 = mixed(flow, 5) % 1'000 < options_.ipv6 * 1'000;
  packet.source = encode::ipv4(0x0B00'0000 + flow);
  if (!is_ipv6) return packet;
  packet.source = packet.destination = {.bytes = {0x20, 0x01, 0x0d, 0xb8}, .version = 6};
  packet.source.bytes[14] = static_cast<std::uint8_t>(flow >> 8);
  packet.source.bytes[15] = static_cast<std::uint8_t>(flow);
  return packet;
}

encode::Telemetry Traffic::stack_of(int version, std::uint32_t flow,
                                    std::vector<Metadata> hops) const {
  encode::Telemetry stack;
  stack.version = version == 0   ? pipeline::IntVersion::k05
                  : version == 1 ? pipeline::IntVersion::k10
                                 : pipeline::IntVersion::k2x;
  stack.bitmap = encode::int_bitmap(fields_of(flow), layout_of(stack));
  stack.hops = std::move(hops);
  return stack;
}

encode::Outer Traffic::outer_of(std::uint32_t sink) {
  encode::Outer outer;
  outer.source = encode::ipv4(0x0AFE'0000 + sink);
  outer.source_port = static_cast<std::uint16_t>(0xC000 + below(16));
  if (chance(options_.vlans)) outer.vlans = {7};
  outer.udp_checksum = chance(options_.checksums);
  return outer;
}

void Traffic::make_05(encode::ByteWriter& out, std::uint32_t flow) {
  std::vector<Metadata> hops = path_of(flow);
  const Metadata node = hops[below(hops.size())];
  encode::Report05 report;
  report.flags.tracked = true;
  report.hw_id = static_cast<std::uint8_t>(flow % 2);
  report.ingress_time = static_cast<std::uint32_t>(node.ingress_time);
  report.packet = packet_of(flow);
  const std::uint32_t sink = hops.front().node_id;
  if (chance(options_.drops)) {
    report.kind = encode::Report05::Kind::kDrop;
    report.flags.dropped = true;
  } else if (chance(options_.postcards)) {
    report.kind = encode::Report05::Kind::kLocal;
    report.flags.congested = below(2) == 0;
  } else {
    report.packet.telemetry = stack_of(0, flow, std::move(hops));
  }
  if (report.kind != encode::Report05::Kind::kPacket) {
    report.switch_id = node.node_id;
    report.metadata = node;
  }
  report.sequence = sequence_of(sink * 2 + report.hw_id);
  put_frame(out, outer_of(sink), report);
}

void Traffic::make_10(encode::ByteWriter& out, std::uint32_t flow) {
  std::vector<Metadata> hops = path_of(flow);
  const Metadata node = hops[below(hops.size())];
  encode::Report10 report;
  report.flags.tracked = true;
  report.hw_id = static_cast<std::uint8_t>(flow % 2);
  report.switch_id = hops.front().node_id;
  report.ingress_time = static_cast<std::uint32_t>(node.ingress_time);
  report.packet = packet_of(flow);
  report.packet.ethernet = flow % 4 != 0;
  const std::uint32_t sink = hops.front().node_id;
  const auto fields = static_cast<FieldMask>(
      below(3) == 0 ? bit(Field::kHopLatency) | bit(Field::kQueue) : fields_of(flow));
  if (chance(options_.drops)) {
    report.flags.dropped = true;
    report.switch_id = node.node_id;
    report.metadata = node;
    report.md_bits = encode::report10_bits(
        static_cast<FieldMask>(bit(Field::kL1Ports) | (below(4) == 0 ? 0 : bit(Field::kDrop))));
  } else if (chance(options_.postcards)) {
    report.flags = {.congested = below(2) == 0, .tracked = below(2) == 0};
    report.switch_id = node.node_id;
    report.metadata = node;
    report.md_bits = encode::report10_bits(fields);
  } else {
    if (chance(options_.spoken_stacks)) {
      report.switch_id = below(2) == 0 ? node.node_id : sink;
      report.metadata = node;
      report.md_bits = encode::report10_bits(fields);
    }
    report.packet.telemetry = stack_of(1, flow, std::move(hops));
  }
  report.sequence = sequence_of(report.switch_id * 2 + report.hw_id + 10'000);
  put_frame(out, outer_of(sink), report);
}

void Traffic::make_20(encode::ByteWriter& out, std::uint32_t flow) {
  encode::Report20 datagram;
  std::uint32_t sink = 0;
  const std::size_t count = chance(options_.groups) ? 2 + below(2) : 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Metadata> hops = path_of(flow);
    const Metadata node = hops[below(hops.size())];
    encode::IndividualReport report;
    report.flags.tracked = true;
    report.packet = packet_of(flow);
    report.packet->ethernet = flow % 4 == 0;
    if (i == 0) datagram.node_id = sink = hops.front().node_id;
    const FieldMask fields = below(3) == 0 ? bit(Field::kHopLatency) : fields_of(flow);
    if (chance(options_.drops)) {
      report.inner_only = false;
      report.flags.dropped = true;
      report.metadata = node;
      report.md_bits =
          encode::report20_bits(static_cast<FieldMask>(bit(Field::kL1Ports) | bit(Field::kDrop)));
    } else if (chance(options_.postcards)) {
      report.inner_only = false;
      report.metadata = node;
      report.md_bits = encode::report20_bits(fields);
    } else {
      if (chance(options_.spoken_stacks)) {
        report.inner_only = false;
        report.flags.intermediate = below(4) == 0;
        report.metadata = node;
        report.md_bits = encode::report20_bits(fields);
        if (below(2) == 0) datagram.node_id = node.node_id;
      }
      report.packet->telemetry = stack_of(2, flow, std::move(hops));
    }
    datagram.reports.push_back(std::move(report));
    flow = below(options_.flows);
  }
  datagram.hw_id = static_cast<std::uint8_t>(flow % 2);
  datagram.sequence = sequence_of(datagram.node_id * 2 + datagram.hw_id + 20'000) & 0x3F'FFFF;
  put_frame(out, outer_of(sink), datagram);
}

void Traffic::spoil(std::vector<std::uint8_t>& bytes) {
  if (below(4) == 0) {
    bytes.resize(below(bytes.size()));
  } else {
    std::uint8_t& byte = bytes[below(bytes.size())];
    byte = static_cast<std::uint8_t>(byte ^ 1U << below(8));
  }
}

void Traffic::make_frame() {
  pass_time();
  ++frames_;
  const auto send = [this](std::vector<std::uint8_t> bytes) {
    const std::int64_t earlier_ns =
        chance(options_.from_before) ? below(3'000) * (kSecond / 1'000) : 0;
    out_->push_back({.bytes = std::move(bytes), .time_ns = now_ns_ - earlier_ns});
  };
  encode::ByteWriter out;
  const std::uint32_t flow = below(options_.flows);
  // A flow is mostly told of in one format.
  const std::size_t own = mixed(flow, 6) % options_.versions.size();
  const std::size_t at = below(10) == 0 ? below(options_.versions.size()) : own;
  switch (options_.versions[at]) {
    case 0:
      make_05(out, flow);
      break;
    case 1:
      make_10(out, flow);
      break;
    default:
      make_20(out, flow);
  }
  std::vector<std::uint8_t> bytes(out.bytes().begin(), out.bytes().end());
  if (chance(options_.broken)) spoil(bytes);
  if (chance(options_.doubled)) send(bytes);
  if (chance(options_.late)) {
    held_.push_back(
        {.due = frames_ + 1 + below(below(8) == 0 ? 20'000 : 200), .bytes = std::move(bytes)});
  } else {
    send(std::move(bytes));
  }
  std::erase_if(held_, [&](Held& held) {
    if (held.due > frames_) return false;
    send(std::move(held.bytes));
    return true;
  });
}

}  // namespace hopscope::test::model
