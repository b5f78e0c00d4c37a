// decode(encode(x)) == x: random valid reports of every format, encoded by the one and decoded by
// the other half of the pipeline. The two share no code, so they can only agree on the
// specification.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/hop_plan.h"
#include "pipeline/encode/encode.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::pipeline {
namespace {

constexpr std::uint16_t kPort = 32766;
constexpr std::uint16_t kIntPort = 5000;
constexpr std::uint8_t kIntDscp = 0x17;
constexpr std::uint64_t kMarker = 0xAAAA'AAAA'BBBB'BBBB;
constexpr std::uint16_t kDomain = 0x1234;  // its instruction 0x8000: two words of the source's
constexpr std::uint16_t kSourceOnlyInstruction = 0x8000;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `max`.
  std::uint32_t up_to(std::uint32_t max) {
    return static_cast<std::uint32_t>(engine_() % (std::uint64_t{max} + 1));
  }
  bool coin() { return (engine_() >> 20 & 1) != 0; }
  bool one_in(std::uint32_t n) { return up_to(n - 1) == 0; }
  std::uint8_t u8(std::uint32_t max = 0xFF) { return static_cast<std::uint8_t>(up_to(max)); }
  std::uint16_t u16(std::uint32_t max = 0xFFFF) { return static_cast<std::uint16_t>(up_to(max)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(engine_() >> 32); }
  /// Never all ones, which means "no value".
  std::uint32_t word() { return u32() & 0x7FFF'FFFF; }
  std::uint64_t time() { return engine_() >> 1; }

 private:
  std::mt19937_64 engine_;
};

Metadata draw_metadata(Draw& draw) {
  Metadata metadata{.node_id = draw.word(),
                    .l1_ingress_if = draw.u16(0x7FFF),
                    .l1_egress_if = draw.u16(),
                    .hop_latency = draw.word(),
                    .queue_id = draw.u8(0x7F),
                    .queue_occupancy = draw.up_to(0xFF'FFFF),
                    .ingress_time = draw.time(),
                    .egress_time = draw.time(),
                    .l2_ingress_if = draw.word(),
                    .l2_egress_if = draw.u32(),
                    .tx_utilization = draw.word(),
                    .buffer_id = draw.u8(0x7F),
                    .buffer_occupancy = draw.up_to(0xFF'FFFF),
                    .congestion_queue_id = draw.u8(0x7F),
                    .queue_congestion = draw.up_to(0xFF'FFFF),
                    .drop_queue_id = draw.u8(0x7F),
                    .drop_reason = draw.u8(),
                    .checksum_complement = draw.word()};
  for (std::uint32_t& reserved : metadata.reserved) reserved = draw.u32();
  return metadata;
}

FieldMask draw_invalid(Draw& draw) {
  return draw.one_in(4) ? static_cast<FieldMask>(draw.u16() & draw.u16()) : FieldMask{0};
}

IpAddress draw_address(Draw& draw, std::uint8_t version) {
  IpAddress address{.version = version};
  for (std::size_t i = 0; i < (version == 4 ? 4U : 16U); ++i) address.bytes[i] = draw.u8();
  return address;
}

std::vector<std::uint32_t> draw_words(Draw& draw, std::uint32_t most) {
  std::vector<std::uint32_t> words(draw.up_to(most));
  for (std::uint32_t& value : words) value = draw.u32();
  return words;
}

std::uint16_t draw_port(Draw& draw) {
  const auto port = static_cast<std::uint16_t>(1 + draw.up_to(0xFFFE));
  // Those that mean INT or a tunnel to the decoder. (0 in a tail means "unknown".)
  return port == kIntPort || port == 4790 || port == 6081 ? std::uint16_t{80} : port;
}

/// Telemetry of one version in a packet whose protocol is set.
encode::Telemetry draw_telemetry(Draw& draw, const encode::Packet& packet, IntVersion version,
                                 const Dialect& dialect) {
  encode::Telemetry telemetry;
  telemetry.version = version;
  telemetry.layout =
      dialect.int10_layout == Int10Layout::kGeant ? HopLayout::kInt10Geant : HopLayout::kInt10;
  telemetry.marked_dscp = kIntDscp;
  telemetry.marked_port = kIntPort;
  telemetry.marker = kMarker;
  const bool is_2x = version == IntVersion::k2x || version == IntVersion::k2xMx;
  switch (draw.up_to(3)) {
    case 1:
      if (packet.protocol == 17 && version != IntVersion::k10) {
        telemetry.marking = encode::Marking::kPort;
      }
      break;
    case 2:
      telemetry.marking = encode::Marking::kMarker;
      break;
    case 3:
      if (is_2x) telemetry.marking = encode::Marking::kInsertedUdp;
      break;
    default:
      break;
  }
  telemetry.before_tcp_options = dialect.int_before_tcp_options;
  telemetry.bitmap = static_cast<std::uint16_t>(draw.u16() | 1U << draw.up_to(15));
  telemetry.remaining_hops = draw.u8();
  telemetry.max_hops = draw.u8();
  telemetry.replicate = draw.u8(3);
  telemetry.copy = draw.coin();
  telemetry.discard = draw.coin();
  telemetry.hops_exceeded = draw.coin();
  telemetry.mtu_exceeded = draw.coin();
  if (is_2x) {
    telemetry.domain_id = draw.u16(0x1000);
    telemetry.ds_instruction = draw.u16();
    telemetry.ds_flags = draw.u16();
  }
  if (version == IntVersion::k2xMx) {
    telemetry.source_inserted = draw_words(draw, 4);
    return telemetry;
  }
  if (version == IntVersion::k2x) {
    telemetry.domain_words = draw_words(draw, 3);
    if (draw.one_in(3)) {
      telemetry.domain_id = kDomain;
      telemetry.ds_instruction = kSourceOnlyInstruction;
      telemetry.source_only = {draw.u32(), draw.u32()};
    }
  }
  const unsigned words = encode::hop_words(telemetry.bitmap, layout_of(telemetry)) +
                         static_cast<unsigned>(telemetry.domain_words.size());
  const std::uint32_t most = std::min(12U, 110 / words);
  telemetry.hops.resize(draw.up_to(most));
  for (Metadata& hop : telemetry.hops) {
    hop = draw_metadata(draw);
    hop.invalid = draw_invalid(draw);
  }
  return telemetry;
}

encode::Packet draw_packet(Draw& draw, bool ethernet, const std::vector<IntVersion>& versions,
                           const Dialect& dialect) {
  encode::Packet packet;
  const std::uint8_t version = draw.one_in(3) ? 6 : 4;
  packet.ethernet = ethernet;
  if (ethernet) packet.vlans.resize(draw.up_to(2));
  for (std::uint16_t& vlan : packet.vlans) vlan = draw.u16(0xFFF);
  packet.source = draw_address(draw, version);
  packet.destination = draw_address(draw, version);
  packet.dscp = draw.u8(22);
  packet.ecn = draw.u8(3);
  packet.ttl = draw.u8();
  packet.protocol = draw.coin() ? 6 : 17;
  packet.source_port = draw_port(draw);
  packet.destination_port = draw_port(draw);
  packet.inserted_source_port = draw_port(draw);
  packet.tcp_option_words = draw.u8(10);
  packet.l4_checksum = draw.coin();
  packet.payload.resize(draw.up_to(60));
  for (std::uint8_t& byte : packet.payload) byte = draw.u8();
  if (!versions.empty() && !draw.one_in(4)) {
    const IntVersion chosen = versions[draw.up_to(static_cast<std::uint32_t>(versions.size()) - 1)];
    packet.telemetry = draw_telemetry(draw, packet, chosen, dialect);
  }
  return packet;
}

encode::Outer draw_outer(Draw& draw) {
  encode::Outer outer;
  const std::uint8_t version = draw.one_in(3) ? 6 : 4;
  outer.vlans.resize(draw.up_to(2));
  for (std::uint16_t& vlan : outer.vlans) vlan = draw.u16(0xFFF);
  outer.source = draw_address(draw, version);
  outer.destination = draw_address(draw, version);
  outer.ttl = draw.u8();
  outer.source_port = draw.u16();
  outer.destination_port = kPort;
  outer.udp_checksum = draw.coin();
  return outer;
}

encode::Flags draw_flags(Draw& draw) {
  return {.dropped = draw.coin(),
          .congested = draw.coin(),
          .tracked = draw.coin(),
          .intermediate = draw.coin()};
}

/// Compares the fields in `present`; `mask32` where times have 4 bytes.
void expect_same(const Metadata& wanted, const Metadata& got, FieldMask present, bool narrow_times,
                 bool narrow_l2 = false) {
  const auto invalid = static_cast<FieldMask>(wanted.invalid & present);
  ASSERT_EQ(got.present, present);
  ASSERT_EQ(got.invalid, invalid);
  const auto compare = [&](Field field, const char* name, std::uint64_t a, std::uint64_t b) {
    if ((present & ~invalid & bit(field)) != 0) {
      ASSERT_EQ(a, b) << name;
    }
  };
  const std::uint64_t time_mask = narrow_times ? 0xFFFF'FFFF : ~std::uint64_t{0};
  const std::uint32_t l2_mask = narrow_l2 ? 0xFFFF : 0xFFFF'FFFF;
  compare(Field::kNodeId, "node_id", wanted.node_id, got.node_id);
  compare(Field::kL1Ports, "l1_ingress_if", wanted.l1_ingress_if, got.l1_ingress_if);
  compare(Field::kL1Ports, "l1_egress_if", wanted.l1_egress_if, got.l1_egress_if);
  compare(Field::kHopLatency, "hop_latency", wanted.hop_latency, got.hop_latency);
  compare(Field::kQueue, "queue_id", wanted.queue_id, got.queue_id);
  compare(Field::kQueue, "queue_occupancy", wanted.queue_occupancy, got.queue_occupancy);
  compare(Field::kIngressTime, "ingress_time", wanted.ingress_time & time_mask, got.ingress_time);
  compare(Field::kEgressTime, "egress_time", wanted.egress_time & time_mask, got.egress_time);
  compare(Field::kL2Ports, "l2_ingress_if", wanted.l2_ingress_if & l2_mask, got.l2_ingress_if);
  compare(Field::kL2Ports, "l2_egress_if", wanted.l2_egress_if & l2_mask, got.l2_egress_if);
  compare(Field::kTxUtilization, "tx_utilization", wanted.tx_utilization, got.tx_utilization);
  compare(Field::kBuffer, "buffer_id", wanted.buffer_id, got.buffer_id);
  compare(Field::kBuffer, "buffer_occupancy", wanted.buffer_occupancy, got.buffer_occupancy);
  compare(Field::kQueueCongestion, "congestion_queue_id", wanted.congestion_queue_id,
          got.congestion_queue_id);
  compare(Field::kQueueCongestion, "queue_congestion", wanted.queue_congestion,
          got.queue_congestion);
  compare(Field::kDrop, "drop_queue_id", wanted.drop_queue_id, got.drop_queue_id);
  compare(Field::kDrop, "drop_reason", wanted.drop_reason, got.drop_reason);
  compare(Field::kChecksumComplement, "checksum_complement", wanted.checksum_complement,
          got.checksum_complement);
}

/// The fields of an instruction bitmap, written independently of the code under test.
FieldMask fields_of(std::uint16_t bitmap, HopLayout layout) {
  FieldMask fields = 0;
  for (unsigned i = 0; i < static_cast<unsigned>(Field::kCount); ++i) {
    const auto field = static_cast<FieldMask>(1U << i);
    if ((encode::int_bitmap(field, layout) & bitmap) != 0) {
      fields = static_cast<FieldMask>(fields | field);
    }
  }
  return fields;
}

Bytes words_as_bytes(const std::vector<std::uint32_t>& words, std::vector<std::uint8_t>& buffer) {
  encode::ByteWriter out;
  for (const std::uint32_t value : words) out.put32(value);
  buffer.assign(out.bytes().begin(), out.bytes().end());
  return buffer;
}

void expect_bytes(const std::vector<std::uint32_t>& wanted, Bytes got) {
  std::vector<std::uint8_t> buffer;
  const Bytes bytes = words_as_bytes(wanted, buffer);
  ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), got.begin(), got.end()));
}

void expect_stack(const encode::Telemetry& wanted, const IntStack& got) {
  ASSERT_EQ(got.version, wanted.version);
  ASSERT_EQ(got.bitmap, wanted.bitmap);
  ASSERT_EQ(got.layout, layout_of(wanted));
  ASSERT_EQ(got.hop_count, wanted.hops.size());
  ASSERT_EQ(got.has_marker, wanted.marking == encode::Marking::kMarker);
  ASSERT_EQ(got.tail != nullptr, wanted.version == IntVersion::k05);
  expect_bytes(wanted.source_only, got.source_only);
  expect_bytes(wanted.source_inserted, got.source_inserted);
  if (wanted.hops.empty()) return;
  const HopLayout layout = layout_of(wanted);
  const HopPlan plan = make_hop_plan(wanted.bitmap, layout);
  const bool narrow_times = layout == HopLayout::kInt05 || layout == HopLayout::kInt10;
  for (unsigned i = 0; i < got.hop_count; ++i) {
    Metadata hop;
    read_hop(plan, got, i, hop);
    expect_same(wanted.hops[i], hop, fields_of(wanted.bitmap, layout), narrow_times,
                layout == HopLayout::kInt10Geant);
    for (unsigned reserved = 0; reserved < 16; ++reserved) {
      if ((hop.reserved_present >> reserved & 1) != 0) {
        ASSERT_EQ(hop.reserved[reserved], wanted.hops[i].reserved[reserved]) << reserved;
      }
    }
  }
}

void expect_packet(const encode::Packet& wanted, const Report& got) {
  ASSERT_EQ(got.inner.ip_version, wanted.source.version);
  ASSERT_EQ(got.inner.vlan_count, wanted.vlans.size());
  for (std::size_t i = 0; i < wanted.vlans.size(); ++i) {
    ASSERT_EQ(got.inner.vlan[i], wanted.vlans[i]);
  }
  ASSERT_EQ(got.has_flow4, wanted.source.version == 4);
  ASSERT_EQ(got.has_flow6, wanted.source.version == 6);
  const FlowKey flow = got.has_flow4 ? widen(got.flow4) : widen(got.flow6);
  ASSERT_EQ(flow.source, wanted.source);
  ASSERT_EQ(flow.destination, wanted.destination);
  ASSERT_EQ(flow.source_port, wanted.source_port);
  ASSERT_EQ(flow.destination_port, wanted.destination_port);
  ASSERT_EQ(flow.protocol, wanted.protocol);
  ASSERT_FALSE(got.inner.truncated);
  if (wanted.telemetry) {
    expect_stack(*wanted.telemetry, got.stack);
  } else {
    ASSERT_EQ(got.stack.version, IntVersion::kNone);
    ASSERT_EQ(got.stack.hop_count, 0);
  }
}

void expect_flags(const encode::Flags& wanted, const Report& got) {
  ASSERT_EQ(got.error, DecodeError::kNone) << info(got.error).label;
  ASSERT_EQ(got.dropped, wanted.dropped);
  ASSERT_EQ(got.congested, wanted.congested);
  ASSERT_EQ(got.tracked, wanted.tracked);
}

class EncodeDecode : public ::testing::Test {
 protected:
  static constexpr int kCases = 12'000;

  static std::uint64_t first_seed() {
    const char* given = std::getenv("HOPSCOPE_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'250'101;
  }

  /// Every case has a seed of its own, so that one that fails can be run alone.
  template <typename Case>
  static void for_each_case(const Case& run) {
    for (std::uint64_t seed = first_seed(); seed < first_seed() + kCases; ++seed) {
      Draw draw(seed);
      run(draw);
      if (HasFatalFailure()) {
        ADD_FAILURE() << "HOPSCOPE_TEST_SEED=" << seed << " starts with this case";
        return;
      }
    }
  }

  static DecodeConfig draw_config(Draw& draw) {
    DecodeConfig config;
    config.report_udp_port = {kPort};
    config.int_udp_port = kIntPort;
    config.int_probe_marker = kMarker;
    config.domains[kDomain].source_only[kSourceOnlyInstruction] = 8;
    config.dialect.tr10_dqf_before_reserved = false;
    config.dialect.int10_layout = draw.one_in(3) ? Int10Layout::kGeant : Int10Layout::kSpec;
    config.dialect.int_before_tcp_options = draw.coin();
    return config;
  }

  static void expect_outer(const encode::Outer& wanted, const OuterHeaders& got) {
    ASSERT_EQ(got.source, wanted.source);
    ASSERT_EQ(got.destination, wanted.destination);
    ASSERT_EQ(got.source_port, wanted.source_port);
    ASSERT_EQ(got.destination_port, wanted.destination_port);
    ASSERT_EQ(got.ttl, wanted.ttl);
    ASSERT_EQ(got.vlan_count, wanted.vlans.size());
    for (std::size_t i = 0; i < wanted.vlans.size(); ++i) ASSERT_EQ(got.vlan[i], wanted.vlans[i]);
  }

  /// Decodes a frame into its reports.
  static void decode(const Decoder& decoder, const encode::Outer& wanted,
                     const encode::ByteWriter& frame, std::vector<Report>& reports) {
    OuterHeaders outer;
    const DecodeError error = decoder.outer(frame.bytes(), outer);
    ASSERT_EQ(error, DecodeError::kNone) << info(error).label;
    expect_outer(wanted, outer);
    ReportReader reader = decoder.reports(outer);
    Report report;
    while (reader.next(report)) reports.push_back(report);
    ASSERT_EQ(reader.error(), DecodeError::kNone) << info(reader.error()).label;
  }
};

TEST_F(EncodeDecode, Report05) {
  for_each_case([](Draw& draw) {
    const Decoder decoder(draw_config(draw));
    const encode::Outer outer = draw_outer(draw);
    encode::Report05 report;
    report.kind = static_cast<encode::Report05::Kind>(draw.up_to(2));
    report.flags = draw_flags(draw);
    report.hw_id = draw.u8(0x3F);
    report.sequence = draw.u32();
    report.ingress_time = draw.u32();
    report.switch_id = draw.u32();
    report.metadata = draw_metadata(draw);
    report.packet = draw_packet(draw, true, {IntVersion::k05}, decoder.config().dialect);
    if (report.packet.telemetry) report.flags.tracked = true;
    encode::ByteWriter frame;
    put_frame(frame, outer, report);

    std::vector<Report> got;
    ASSERT_NO_FATAL_FAILURE(decode(decoder, outer, frame, got));
    ASSERT_EQ(got.size(), 1U);
    ASSERT_EQ(got[0].version, 0);
    ASSERT_NO_FATAL_FAILURE(expect_flags(report.flags, got[0]));
    ASSERT_EQ(got[0].hw_id, report.hw_id);
    ASSERT_EQ(got[0].sequence, report.sequence);
    ASSERT_EQ(got[0].ingress_time, report.ingress_time);
    FieldMask fields = 0;
    if (report.kind != encode::Report05::Kind::kPacket) {
      ASSERT_EQ(got[0].node_id, report.switch_id);
      const bool is_drop = report.kind == encode::Report05::Kind::kDrop;
      fields = static_cast<FieldMask>(
          bit(Field::kL1Ports) |
          (is_drop ? bit(Field::kDrop) : bit(Field::kQueue) | bit(Field::kEgressTime)));
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(report.metadata, got[0].metadata, fields, true));
    ASSERT_NO_FATAL_FAILURE(expect_packet(report.packet, got[0]));
  });
}

TEST_F(EncodeDecode, Report10) {
  constexpr Field kOrder[] = {Field::kL1Ports,    Field::kHopLatency, Field::kQueue,
                              Field::kEgressTime, Field::kDrop,       Field::kTxUtilization};
  for_each_case([&](Draw& draw) {
    const Decoder decoder(draw_config(draw));
    const encode::Outer outer = draw_outer(draw);
    encode::Report10 report;
    report.flags = draw_flags(draw);
    report.hw_id = draw.u8(0x3F);
    report.switch_id = draw.u32();
    report.sequence = draw.u32();
    report.ingress_time = draw.u32();
    report.md_bits = draw.u8(0x3F);
    report.metadata = draw_metadata(draw);
    report.metadata.invalid = static_cast<FieldMask>(draw_invalid(draw));
    report.packet =
        draw_packet(draw, draw.coin(), {IntVersion::k05, IntVersion::k10, IntVersion::k2x},
                    decoder.config().dialect);
    if (report.packet.telemetry) report.flags.tracked = true;
    encode::ByteWriter frame;
    put_frame(frame, outer, report);

    std::vector<Report> got;
    ASSERT_NO_FATAL_FAILURE(decode(decoder, outer, frame, got));
    ASSERT_EQ(got.size(), 1U);
    ASSERT_EQ(got[0].version, 1);
    ASSERT_NO_FATAL_FAILURE(expect_flags(report.flags, got[0]));
    ASSERT_EQ(got[0].hw_id, report.hw_id);
    ASSERT_EQ(got[0].node_id, report.switch_id);
    ASSERT_EQ(got[0].sequence, report.sequence);
    ASSERT_EQ(got[0].ingress_time, report.ingress_time);
    FieldMask fields = 0;
    for (unsigned i = 0; i < 6; ++i) {
      if ((report.md_bits >> (5 - i) & 1) != 0) {
        fields = static_cast<FieldMask>(fields | bit(kOrder[i]));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(report.metadata, got[0].metadata, fields, true));
    ASSERT_NO_FATAL_FAILURE(expect_packet(report.packet, got[0]));
  });
}

encode::IndividualReport draw_individual(Draw& draw, const Dialect& dialect) {
  encode::IndividualReport report;
  report.inner_only = draw.coin();
  report.flags = draw_flags(draw);
  if (!report.inner_only) {
    report.md_bits = draw.u16();
    report.domain_id = draw.u16();
    report.ds_md_bits = draw.u16();
    report.ds_md_status = draw.u16();
    report.metadata = draw_metadata(draw);
    report.metadata.invalid = draw_invalid(draw);
    report.ds_metadata = draw_words(draw, 4);
  }
  if (draw.one_in(6)) {
    report.in_type = 2;
    report.contents.resize(4 + 4 * draw.up_to(20));
    for (std::uint8_t& byte : report.contents) byte = draw.u8();
  } else {
    report.packet = draw_packet(draw, draw.one_in(3),
                                {IntVersion::k2x, IntVersion::k2xMx, IntVersion::k10}, dialect);
  }
  return report;
}

void expect_individual(const encode::IndividualReport& wanted, const Report& got) {
  expect_flags(wanted.flags, got);
  ASSERT_EQ(got.intermediate, wanted.flags.intermediate);
  const auto stack_bits = static_cast<std::uint16_t>(wanted.md_bits & 0x7FFE);
  FieldMask fields = fields_of(stack_bits, HopLayout::kInt2x);
  if ((wanted.md_bits & 1) != 0) fields = static_cast<FieldMask>(fields | bit(Field::kDrop));
  if (wanted.inner_only) fields = 0;
  expect_same(wanted.metadata, got.metadata, fields, false);
  expect_bytes(wanted.ds_metadata, got.ds_metadata);
  if (wanted.packet) {
    expect_packet(*wanted.packet, got);
  } else {
    ASSERT_TRUE(std::equal(wanted.contents.begin(), wanted.contents.end(), got.contents.begin(),
                           got.contents.end()));
    ASSERT_FALSE(got.has_flow4 || got.has_flow6);
  }
}

TEST_F(EncodeDecode, Report20) {
  for_each_case([](Draw& draw) {
    const Decoder decoder(draw_config(draw));
    const encode::Outer outer = draw_outer(draw);
    encode::Report20 report;
    report.hw_id = draw.u8(0x3F);
    report.sequence = draw.up_to(0x3F'FFFF);
    report.node_id = draw.u32();
    report.reports.resize(1 + draw.up_to(3));
    for (auto& individual : report.reports) {
      individual = draw_individual(draw, decoder.config().dialect);
    }
    if (report.reports.back().packet && draw.one_in(5)) {
      report.reports.back().packet->payload.resize(1200);  // Report Length 0xFF
    }
    encode::ByteWriter frame;
    put_frame(frame, outer, report);

    std::vector<Report> got;
    ASSERT_NO_FATAL_FAILURE(decode(decoder, outer, frame, got));
    ASSERT_EQ(got.size(), report.reports.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].version, 2);
      ASSERT_EQ(got[i].hw_id, report.hw_id);
      ASSERT_EQ(got[i].sequence, report.sequence);
      ASSERT_EQ(got[i].sequence_bits, 22);
      ASSERT_EQ(got[i].node_id, report.node_id);
      ASSERT_NO_FATAL_FAILURE(expect_individual(report.reports[i], got[i])) << i;
    }
  });
}

}  // namespace
}  // namespace hopscope::pipeline
