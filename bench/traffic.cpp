#include "traffic.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "pipeline/decode/decoder.h"
#include "pipeline/encode/encode.h"

namespace hopscope::bench {
namespace {

namespace encode = pipeline::encode;

constexpr std::uint16_t kAllFields = 0xFF00;   // bits 0 to 7: 8 words in 0.5, 9 in 1.0, 11 in 2.x
constexpr std::uint16_t kFourFields = 0xF000;  // node, ports, latency, queue
constexpr std::uint32_t kFirstSource = 0x0A00'0000;  // of the flows

// Two values for each, in different intervals of the default rules, and how far they tremble.
constexpr std::uint32_t kLatency = 1'000, kSlow = 600'000, kLatencyTremble = 4096;
constexpr std::uint32_t kTx = 42, kBusy = 82, kTxTremble = 6;
constexpr std::uint32_t kOccupancy = 10, kLong = 650, kOccupancyTremble = 32;

void put16(std::uint8_t* at, std::uint32_t value) noexcept {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

void put32(std::uint8_t* at, std::uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

std::uint32_t get32(const std::uint8_t* at) noexcept {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}

std::uint64_t mix(std::uint64_t value) noexcept {
  value *= 0x9E37'79B9'7F4A'7C15;
  value ^= value >> 32;
  value *= 0xD6E8'FEB8'6659'FD93;
  return value ^ (value >> 29);
}

/// Changes the source address of an IPv4 header and its checksum with it (RFC 1624).
void set_source(std::uint8_t* ip, std::uint32_t source) noexcept {
  const std::uint32_t old = get32(ip + 12);
  std::uint32_t sum = ~((std::uint32_t{ip[10]} << 8) | ip[11]) & 0xFFFF;
  sum += (~old >> 16) + (~old & 0xFFFF) + (source >> 16) + (source & 0xFFFF);
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  put16(ip + 10, ~sum);
  put32(ip + 12, source);
}

pipeline::IntVersion int_version(Format format) noexcept {
  if (format == Format::kReport05) return pipeline::IntVersion::k05;
  return format == Format::kWide ? pipeline::IntVersion::k2x : pipeline::IntVersion::k10;
}

pipeline::IpAddress ipv6(std::uint8_t last) noexcept {
  pipeline::IpAddress address{.bytes = {0x20, 0x01, 0x0D, 0xB8}, .version = 6};
  address.bytes[15] = last;
  return address;
}

}  // namespace

const char* label(Format format) noexcept {
  constexpr const char* kLabels[] = {"plain", "report05", "wide", "ipv6", "vlan", "tcp", "mixed"};
  return kLabels[static_cast<std::size_t>(format)];
}

Traffic::Traffic(const TrafficOptions& options)
    : options_(options),
      event_threshold_(static_cast<std::uint64_t>(options.events * 0x1p32)),
      log_flows_(std::log(static_cast<double>(options.flows) + 1)),
      flow_is_slow_(options.flows),
      port_is_busy_(std::size_t{kSwitches} * kPorts),
      queue_is_long_(std::size_t{kSwitches} * kPorts * kQueues),
      sequence_(kSwitches + 1) {
  if (options.flows > 1U << 24 || options.hops == 0 || options.hops > 10) {
    throw std::invalid_argument("there is no such traffic");
  }
  if (options.format != Format::kMixed) {
    templates_.push_back(make_template(options.format == Format::kTcpOptions));
  } else {
    templates_.push_back(make_template(false));
    templates_.push_back(make_template(true));
  }
}

Traffic::Template Traffic::make_template(bool tcp) const {
  const Format format = options_.format;
  encode::Packet packet;
  packet.telemetry = encode::Telemetry{.version = int_version(format),
                                       .bitmap = options_.all_fields ? kAllFields : kFourFields};
  packet.telemetry->hops.resize(options_.hops);
  for (pipeline::Metadata& hop : packet.telemetry->hops) {
    hop.l1_ingress_if = 1;
    hop.ingress_time = 1'000'000'000;
    hop.egress_time = 1'000'001'000;
  }
  packet.source = encode::ipv4(kFirstSource);
  if (format == Format::kIpv6) {
    packet.source = ipv6(0);
    packet.destination = ipv6(1);
  }
  if (format == Format::kVlan) packet.vlans = {7};
  if (tcp) packet.protocol = 6;
  if (format == Format::kTcpOptions) packet.tcp_option_words = 3;

  encode::Outer outer;
  if (format == Format::kVlan) outer.vlans = {5};
  const encode::Flags tracked{.tracked = true};
  encode::ByteWriter out;
  encode::FrameMarks marks;
  if (format == Format::kReport05) {
    marks = put_frame(out, outer, encode::Report05{.flags = tracked, .packet = packet});
  } else if (format == Format::kWide) {
    const encode::IndividualReport individual{.flags = tracked, .packet = packet};
    marks = put_frame(out, outer, encode::Report20{.reports = {individual}});
  } else {
    marks = put_frame(out, outer, encode::Report10{.flags = tracked, .packet = packet});
  }

  Template made{.bytes = {out.bytes().begin(), out.bytes().end()},
                .outer_ip = marks.ip,
                .node_id = format == Format::kReport05 ? 0 : marks.payload + 4,
                .sequence = marks.sequence,
                .sequence_mask = marks.sequence_bits == 22 ? 0x003F'FFFFU : 0xFFFF'FFFFU};
  // Where the rest lies the decoder knows.
  const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
  pipeline::OuterHeaders headers;
  pipeline::Report report;
  const bool is_read =
      decoder.outer(pipeline::Bytes(made.bytes), headers) == pipeline::DecodeError::kNone;
  pipeline::ReportReader reader = decoder.reports(headers);
  if (!is_read || !reader.next(report) || report.stack.hop_count != options_.hops ||
      made.bytes.size() > kMaxFrame) {
    throw std::logic_error("the frame that was built has no such stack");
  }
  const auto offset = [&made](const std::uint8_t* at) {
    return static_cast<std::size_t>(at - made.bytes.data());
  };
  made.inner_source = offset(report.inner.ip) + (format == Format::kIpv6 ? 8 + 12 : 12);
  made.inner_port = offset(report.inner.l4);
  made.stack = offset(report.stack.hops);
  made.hop_bytes = report.stack.hop_bytes;
  return made;
}

Traffic::Place Traffic::place(std::uint32_t flow, unsigned hop) const noexcept {
  const std::uint64_t random = mix((std::uint64_t{hop} << 32) | flow);
  const std::uint32_t layer = kSwitches / options_.hops;
  return {.switch_id = 1 + hop * layer + static_cast<std::uint32_t>(random & 0xFFFF) % layer,
          .port = static_cast<std::uint32_t>(random >> 16) % kPorts,
          .queue = static_cast<std::uint32_t>(random >> 32) % kQueues};
}

std::uint32_t Traffic::draw_flow() noexcept {
  if (options_.new_flows) return next_new_++ % options_.flows;
  if (!options_.zipf) return random_.below(options_.flows);
  // A rank of at most k comes with ln(k + 1) / ln(flows + 1); which flow has it is scattered.
  const double rank = std::exp(random_.unit() * log_flows_) - 1;
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(rank) * 2'654'435'761U %
                                    options_.flows);
}

std::uint32_t Traffic::next(std::uint8_t* frame) noexcept {
  const std::uint32_t flow = draw_flow();
  const Moving moving = draw_moving();
  const std::uint32_t length = write(flow, frame, moving);
  if (options_.moves_back) move(flow, moving);
  return length;
}

Traffic::Moving Traffic::draw_moving() noexcept {
  if (random_.next() >= event_threshold_) return Moving::kNothing;
  const std::uint32_t which = random_.next() % 4;
  if (which == 0) return Moving::kQueue;
  return which == 1 && options_.all_fields ? Moving::kPort : Moving::kFlow;
}

void Traffic::move(std::uint32_t flow, Moving moving) noexcept {
  if (moving == Moving::kNothing) return;
  const Place at = place(flow, moving_hop(flow));
  if (moving == Moving::kQueue) {
    queue_is_long_[at.queue_index()].flip();
  } else if (moving == Moving::kPort) {
    port_is_busy_[at.port_index()].flip();
  } else {
    flow_is_slow_[flow].flip();
  }
  ++moved_;
}

std::uint32_t Traffic::write(std::uint32_t flow, std::uint8_t* frame, Moving moving) noexcept {
  move(flow, moving);
  const Template& shape = templates_[templates_.size() == 1 ? 0 : mix(flow) % 10 < 7];
  std::memcpy(frame, shape.bytes.data(), shape.bytes.size());
  const Place sink = place(flow, 0);
  set_source(frame + shape.outer_ip, 0x0A00'0000 + sink.switch_id);
  if (shape.node_id != 0) put32(frame + shape.node_id, sink.switch_id);
  const std::uint32_t number = sequence_[sink.switch_id]++ & shape.sequence_mask;
  put32(frame + shape.sequence, (get32(frame + shape.sequence) & ~shape.sequence_mask) | number);
  put32(frame + shape.inner_source, kFirstSource + flow);
  put16(frame + shape.inner_port, 1024 + static_cast<std::uint32_t>(mix(flow)) % 60'000);
  for (unsigned hop = 0; hop < options_.hops; ++hop) {
    const Place at = hop == 0 ? sink : place(flow, hop);
    write_hop(shape, flow, hop, at, frame + shape.stack + hop * shape.hop_bytes);
  }
  return static_cast<std::uint32_t>(shape.bytes.size());
}

void Traffic::write_hop(const Template& shape, std::uint32_t flow, unsigned hop, const Place& place,
                        std::uint8_t* at) noexcept {
  const std::uint32_t random = random_.next();
  const bool is_slow = hop == moving_hop(flow) && flow_is_slow_[flow];
  const bool is_long = queue_is_long_[place.queue_index()];
  put32(at, place.switch_id);
  put16(at + 6, place.port);
  put32(at + 8, (is_slow ? kSlow : kLatency) + random % kLatencyTremble);
  put32(at + 12, (place.queue << 24) |
                     ((is_long ? kLong : kOccupancy) + (random >> 12) % kOccupancyTremble));
  if (!options_.all_fields) return;
  const bool is_busy = port_is_busy_[place.port_index()];
  put32(at + shape.hop_bytes - 4, (is_busy ? kBusy : kTx) + (random >> 20) % kTxTremble);
}

}  // namespace hopscope::bench
