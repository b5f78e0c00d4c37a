// The encoder against bytes written down from the specifications, and against a few properties that
// hold for all of its output.

#include "pipeline/encode/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/encode/ip.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::pipeline::encode {
namespace {

using Octets = std::vector<std::uint8_t>;

/// Hex digits to bytes; blanks are for the reader.
Octets hex(const std::string& text) {
  Octets bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Octets octets(const ByteWriter& out) {
  return {out.bytes().begin(), out.bytes().end()};
}

std::uint32_t at16(const Octets& bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes.at(at) << 8 | bytes.at(at + 1));
}
std::uint32_t at32(const Octets& bytes, std::size_t at) {
  return at16(bytes, at) << 16 | at16(bytes, at + 2);
}

/// The one's complement sum that is 0xFFFF where the checksum inside is right.
std::uint32_t folded_sum(const Octets& bytes, std::size_t at, std::size_t size,
                         std::uint32_t start = 0) {
  std::uint32_t sum = start;
  for (std::size_t i = 0; i < size; ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes.at(at + i)) << 8 : bytes.at(at + i);
  }
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

template <typename Report>
Octets payload_of(const Report& report) {
  ByteWriter out;
  put_report(out, report);
  return octets(out);
}

/// 10.1.1.10:40000 to 10.1.3.20:443 with 4 bytes, checksums of L4 off.
Packet small_packet() {
  Packet packet;
  packet.l4_checksum = false;
  packet.payload = {'p', 'i', 'n', 'g'};
  return packet;
}

const std::string kEthernet = "020000000302 020000000101 0800";

TEST(Encode, Report10WithOneHop) {
  Packet packet = small_packet();
  packet.dscp = 46;
  packet.telemetry = Telemetry{.version = IntVersion::k10,
                               .bitmap = 0x8000,
                               .hops = {Metadata{.node_id = 0x0A0B'0001}},
                               .remaining_hops = 7};
  const Report10 report{.flags = {.tracked = true},
                        .hw_id = 1,
                        .switch_id = 0x0A0B'0002,
                        .sequence = 1,
                        .ingress_time = 0x33,
                        .packet = packet};
  EXPECT_EQ(payload_of(report),
            hex("14 00 0041 0a0b0002 00000001 00000033" + kEthernet +
                "45 5c 0030 0000 4000 3d 11 2542 0a01010a 0a010314"  // DSCP 0x17
                "9c40 01bb 001c 0000"
                "01 00 04 b8"            // shim: 4 words, DSCP 46
                "10 00 01 07 8000 0000"  // header: 1 word a hop, 7 hops left
                "0a0b0001 70696e67"));
}

TEST(Encode, Report10AllOptionalWordsInBitOrder) {
  Report10 report;
  report.flags = {.dropped = true, .congested = true, .tracked = true};
  report.hw_id = 0x3F;
  report.md_bits = 0x3F;
  report.metadata = {.l1_ingress_if = 1,
                     .l1_egress_if = 2,
                     .hop_latency = 3,
                     .queue_id = 4,
                     .queue_occupancy = 5,
                     .egress_time = 6,
                     .tx_utilization = 7,
                     .drop_queue_id = 8,
                     .drop_reason = 9};
  report.packet.ethernet = false;
  const Octets bytes = payload_of(report);
  // Version 1, Length 10, NProto 1 (IPv4), RepMdBits 111111, D Q F, hw_id 63.
  EXPECT_EQ(at32(bytes, 0), 0x1A3F'81FFU);
  EXPECT_EQ(Octets(bytes.begin() + 16, bytes.begin() + 40),
            hex("00010002 00000003 04000005 00000006 08090000 00000007"));
  EXPECT_EQ(bytes.at(40), 0x45);
}

TEST(Encode, Report05LocalAndDrop) {
  Report05 report;
  report.kind = Report05::Kind::kLocal;
  report.flags = {.congested = true};
  report.hw_id = 3;
  report.sequence = 0x0102'0304;
  report.ingress_time = 0xA0;
  report.switch_id = 0x0B;
  report.metadata = {.l1_ingress_if = 12,
                     .l1_egress_if = 511,
                     .queue_id = 2,
                     .queue_occupancy = 0x345,
                     .egress_time = 0xB0,
                     .drop_queue_id = 2,
                     .drop_reason = 80};
  report.packet = small_packet();
  Octets bytes = payload_of(report);
  bytes.resize(28);
  EXPECT_EQ(bytes, hex("02 40 0003 01020304 000000a0 0000000b 000c 01ff 02000345 000000b0"));

  report.kind = Report05::Kind::kDrop;
  report.flags = {.dropped = true, .tracked = true};
  bytes = payload_of(report);
  bytes.resize(24);
  EXPECT_EQ(bytes, hex("01 a0 0003 01020304 000000a0 0000000b 000c 01ff 02 50 0000"));
}

TEST(Encode, Report05WithTail) {
  Packet packet = small_packet();
  packet.dscp = 10;
  packet.telemetry =
      Telemetry{.version = IntVersion::k05,
                .marking = Marking::kPort,
                .bitmap = 0xC000,
                .hops = {Metadata{.node_id = 2, .l1_ingress_if = 21, .l1_egress_if = 22},
                         Metadata{.node_id = 1, .l1_ingress_if = 11, .l1_egress_if = 12}}};
  const Report05 report{.flags = {.tracked = true}, .sequence = 9, .packet = packet};
  EXPECT_EQ(payload_of(report),
            hex("00 20 0000 00000009 00000000" + kEthernet +
                "45 28 0040 0000 4000 3d 11 2566 0a01010a 0a010314"
                "9c40 1388 002c 0000"
                "01 00 08 00"            // shim: tail included
                "00 02 10 02 c000 0000"  // 2 instructions, at most 16 hops, 2 there
                "00000002 0015 0016 00000001 000b 000c"
                "11 01bb 0a 70696e67"));  // tail: UDP, 443, DSCP 10
}

TEST(Encode, Report20WithTwoReports) {
  IndividualReport postcard;
  postcard.inner_only = false;
  postcard.flags = {.tracked = true};
  postcard.md_bits = 0x5000;
  postcard.metadata = {.l1_ingress_if = 5, .l1_egress_if = 6, .queue_id = 2, .queue_occupancy = 7};
  postcard.packet = small_packet();
  postcard.packet->ethernet = false;

  IndividualReport stack;
  stack.flags = {.congested = true, .tracked = true, .intermediate = true};
  stack.packet = small_packet();
  stack.packet->ethernet = false;
  stack.packet->telemetry = Telemetry{.version = IntVersion::k2x,
                                      .marking = Marking::kPort,
                                      .bitmap = 0x8400,
                                      .hops = {Metadata{.node_id = 1, .egress_time = 1ULL << 32}},
                                      .remaining_hops = 15};
  const Report20 report{
      .hw_id = 1, .sequence = 0x3F'FFFF, .node_id = 0x0A0B'0003, .reports = {postcard, stack}};
  EXPECT_EQ(payload_of(report),
            hex("207fffff 0a0b0003"
                "14 0c 02 20 5000 0000 0000 0000 0005 0006 02000007"
                "45 00 0020 0000 4000 3d 11 25ae 0a01010a 0a010314 9c40 01bb 000c 0000 70696e67"
                "04 0f 00 70"
                "45 00 003c 0000 4000 3d 11 2592 0a01010a 0a010314 9c40 1388 0028 0000"
                "14 06 01bb"  // shim: MD, NPT 1, port 443
                "20 00 03 0f 8400 0000 0000 0000"
                "00000001 0000000100000000 70696e67"));
}

TEST(Encode, Report20_WithOddOrLongPackets_IsPaddedAndKeepsItsLength) {
  Report20 report{.reports = {IndividualReport{.packet = small_packet()}}};
  Octets bytes = payload_of(report);
  EXPECT_EQ(bytes.size() % 4, 0U);
  EXPECT_EQ(bytes.at(9), (bytes.size() - 12) / 4);
  EXPECT_EQ(bytes.at(8), 0x03);

  report.reports[0].packet->payload.resize(1200);
  bytes = payload_of(report);
  EXPECT_EQ(bytes.at(9), 0xFF);
  report.reports.push_back(report.reports[0]);
  EXPECT_THROW(static_cast<void>(payload_of(report)), std::invalid_argument);
}

TEST(Encode, MxReportHasInstructionsOnly) {
  IndividualReport mx;
  mx.inner_only = false;
  mx.packet = small_packet();
  mx.packet->ethernet = false;
  mx.packet->protocol = 6;
  mx.packet->telemetry = Telemetry{.version = IntVersion::k2xMx,
                                   .marking = Marking::kInsertedUdp,
                                   .bitmap = 0x9000,
                                   .domain_id = 0xABCD,
                                   .ds_instruction = 0xC000,
                                   .source_inserted = {15}};
  const Octets bytes = payload_of(Report20{.reports = {mx}});
  const std::size_t l4 = 8 + 12 + 20;
  EXPECT_EQ(bytes.at(8 + 12 + 9), 17) << "the inserted header is UDP";
  EXPECT_EQ(Octets(bytes.begin() + l4, bytes.begin() + l4 + 8), hex("c7a7 1388 0034 0000"));
  EXPECT_EQ(Octets(bytes.begin() + l4 + 8, bytes.begin() + l4 + 28),
            hex("38 04 00 06 20000000 9000 abcd c000 0000 0000000f"));
  EXPECT_EQ(at16(bytes, l4 + 28), 40'000U) << "the original TCP header follows";
}

TEST(Encode, Int_BeforeOrAfterTcpOptionsOrAfterAMarker_IsPlaced) {
  Packet packet = small_packet();
  packet.ethernet = false;
  packet.protocol = 6;
  packet.tcp_option_words = 2;
  packet.telemetry = Telemetry{.bitmap = 0x8000, .hops = {Metadata{.node_id = 7}}};
  ByteWriter out;
  put_packet(out, packet);
  Octets bytes = octets(out);
  EXPECT_EQ(at32(bytes, 40), 0x0101'0101U);
  EXPECT_EQ(at32(bytes, 48), 0x0100'0400U);

  packet.telemetry->before_tcp_options = true;
  packet.telemetry->marking = Marking::kMarker;
  out.clear();
  put_packet(out, packet);
  bytes = octets(out);
  EXPECT_EQ(at32(bytes, 40), 0xAAAA'AAAAU);
  EXPECT_EQ(at32(bytes, 48), 0x0100'0400U);
  EXPECT_EQ(at32(bytes, 60), 7U);
  EXPECT_EQ(at32(bytes, 64), 0x0101'0101U);
  EXPECT_EQ(bytes.at(32), 7U << 4) << "the data offset covers TCP's own options alone";
}

TEST(Encode, OuterHeadersAreComplete) {
  ByteWriter out;
  const Outer outer{.vlans = {100, 200}, .source_port = 4711, .udp_checksum = true};
  const FrameMarks marks =
      put_frame(out, outer, Report10{.sequence = 77, .packet = small_packet()});
  const Octets bytes = octets(out);
  EXPECT_EQ(at16(bytes, 12), 0x8100U);
  EXPECT_EQ(at16(bytes, 14), 100U);
  EXPECT_EQ(at16(bytes, 18), 200U);
  EXPECT_EQ(at16(bytes, 20), 0x0800U);
  EXPECT_EQ(marks.ip, 22U);
  EXPECT_EQ(at16(bytes, 24), bytes.size() - 22);
  EXPECT_EQ(folded_sum(bytes, 22, 20), 0xFFFFU);
  EXPECT_EQ(at16(bytes, 42), 4711U);
  EXPECT_EQ(at16(bytes, 46), bytes.size() - 42);
  const std::uint32_t pseudo = folded_sum(bytes, 34, 8) + 17 + at16(bytes, 46);
  EXPECT_EQ(folded_sum(bytes, 42, bytes.size() - 42, pseudo), 0xFFFFU);
  EXPECT_EQ(at32(bytes, marks.sequence), 77U);
}

TEST(Encode, OuterIpv6) {
  ByteWriter out;
  Outer outer{.source = {.bytes = {0xFD, 1}, .version = 6},
              .destination = {.bytes = {0xFD, 2}, .version = 6},
              .udp_checksum = true};
  const FrameMarks marks = put_frame(out, outer, Report20{.sequence = 5});
  const Octets bytes = octets(out);
  EXPECT_EQ(at16(bytes, 12), 0x86DDU);
  EXPECT_EQ(at16(bytes, 18), 16U);
  EXPECT_EQ(marks.payload, 62U);
  EXPECT_EQ(marks.sequence_bits, 22U);
  const std::uint32_t pseudo = folded_sum(bytes, 22, 32) + 17 + at16(bytes, 58);
  EXPECT_EQ(folded_sum(bytes, 54, 16, pseudo), 0xFFFFU);
  outer.destination = ipv4(1);
  EXPECT_THROW(put_frame(out, outer, Report20{}), std::invalid_argument);
}

TEST(Encode, InnerChecksumsCoverTheIntStack) {
  for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}}) {
    Packet packet = small_packet();
    packet.ethernet = false;
    packet.protocol = protocol;
    packet.l4_checksum = true;
    packet.payload.push_back(1);  // an odd length
    packet.telemetry = Telemetry{.bitmap = 0xC000, .hops = {Metadata{.node_id = 7}, Metadata{}}};
    ByteWriter out;
    put_packet(out, packet);
    const Octets bytes = octets(out);
    const auto l4_bytes = static_cast<std::uint32_t>(bytes.size() - 20);
    EXPECT_EQ(at16(bytes, 2), bytes.size());
    EXPECT_EQ(folded_sum(bytes, 0, 20), 0xFFFFU);
    EXPECT_EQ(folded_sum(bytes, 20, l4_bytes, folded_sum(bytes, 12, 8) + protocol + l4_bytes),
              0xFFFFU);
  }
}

TEST(EncodeMetadata, Hop_OfEveryBitmap_HasTheSizeOfItsWords) {
  constexpr HopLayout kLayouts[] = {HopLayout::kInt05, HopLayout::kInt10, HopLayout::kInt10Geant,
                                    HopLayout::kInt2x};
  ByteWriter out;
  for (const HopLayout layout : kLayouts) {
    for (unsigned bitmap = 0; bitmap <= 0xFFFF; ++bitmap) {
      out.clear();
      put_hop(out, static_cast<std::uint16_t>(bitmap), layout, {});
      ASSERT_EQ(out.size(), 4 * hop_words(static_cast<std::uint16_t>(bitmap), layout)) << bitmap;
    }
  }
}

/// All fields have different values, so that each word shows which field it is.
Metadata full_hop() {
  Metadata hop{.node_id = 0x0101'0101,
               .l1_ingress_if = 0x0202,
               .l1_egress_if = 0x0303,
               .hop_latency = 0x0404'0404,
               .queue_id = 0x05,
               .queue_occupancy = 0x05'0505,
               .ingress_time = 0x0606'0606'0707'0707,
               .egress_time = 0x0808'0808'0909'0909,
               .l2_ingress_if = 0x0A0A'0A0A,
               .l2_egress_if = 0x0B0B'0B0B,
               .tx_utilization = 0x0C0C'0C0C,
               .buffer_id = 0x0D,
               .buffer_occupancy = 0x0D'0D0D,
               .congestion_queue_id = 0x0E,
               .queue_congestion = 0x0E'0E0E,
               .checksum_complement = 0x0F0F'0F0F};
  hop.reserved[9] = 0x9999'9999;
  hop.reserved[15] = 0x1515'1515;
  return hop;
}

TEST(EncodeMetadata, WordsByLayout) {
  const auto hop = [](HopLayout layout, std::uint16_t bitmap, FieldMask invalid = 0) {
    ByteWriter out;
    Metadata metadata = full_hop();
    metadata.invalid = invalid;
    const std::uint32_t domain[] = {0xDDDD'DDDD};
    put_hop(out, bitmap, layout, metadata,
            layout == HopLayout::kInt2x ? std::span<const std::uint32_t>(domain)
                                        : std::span<const std::uint32_t>());
    return octets(out);
  };
  const std::string common = "01010101 02020303 04040404 05050505";
  EXPECT_EQ(hop(HopLayout::kInt05, 0xFF00), hex(common + "07070707 09090909 0e0e0e0e 0c0c0c0c"));
  EXPECT_EQ(hop(HopLayout::kInt10, 0xFF01),
            hex(common + "07070707 09090909 0a0a0a0a 0b0b0b0b 0c0c0c0c 0f0f0f0f"));
  EXPECT_EQ(hop(HopLayout::kInt10Geant, 0xFF00),
            hex(common + "0606060607070707 0808080809090909 0a0a0b0b 0c0c0c0c"));
  EXPECT_EQ(hop(HopLayout::kInt2x, 0xFFC1),
            hex(common + "0606060607070707 0808080809090909 0a0a0a0a0b0b0b0b 0c0c0c0c 0d0d0d0d"
                         "99999999 dddddddd 0f0f0f0f"));
  EXPECT_EQ(hop(HopLayout::kInt2x, 0x6A00,
                bit(Field::kL1Ports) | bit(Field::kIngressTime) | bit(Field::kL2Ports)),
            hex("ffffffff 04040404 ffffffffffffffff ffffffffffffffff dddddddd"));
}

TEST(EncodeMetadata, Report20Words) {
  ByteWriter out;
  Metadata metadata = full_hop();
  metadata.drop_queue_id = 0x21;
  metadata.drop_reason = 0x22;
  put_report20_metadata(out, 0xFF81, metadata);  // bit 0 has no word
  EXPECT_EQ(octets(out), hex("02020303 04040404 05050505 0606060607070707 0808080809090909"
                             "0a0a0a0a0b0b0b0b 0c0c0c0c 0d0d0d0d 21220000"));
  EXPECT_EQ(report20_words(0xFF81), out.size() / 4);
}

TEST(EncodeMetadata, BitmapsFromFields) {
  const auto fields = static_cast<FieldMask>((1U << static_cast<unsigned>(Field::kCount)) - 1);
  EXPECT_EQ(int_bitmap(fields, HopLayout::kInt05), 0xFF00);
  EXPECT_EQ(int_bitmap(fields, HopLayout::kInt10), 0xFF01);
  EXPECT_EQ(int_bitmap(fields, HopLayout::kInt2x), 0xFF81);
  EXPECT_EQ(int_bitmap(bit(Field::kQueueCongestion), HopLayout::kInt2x), 0);
  EXPECT_EQ(report10_bits(fields), 0x3F);
  EXPECT_EQ(report20_bits(fields), 0x7F81);
}

TEST(Encode, Times_OfEveryWidth_AreMarkedAtTheirOffsets) {
  Packet packet = small_packet();
  packet.telemetry =
      Telemetry{.version = IntVersion::k2x, .bitmap = 0x8C00, .hops = {full_hop(), full_hop()}};
  packet.telemetry->hops[1].invalid = bit(Field::kEgressTime);
  ByteWriter out;
  put_frame(out, Outer{}, Report10{.ingress_time = 0x1234'5678, .packet = packet});
  const Octets bytes = octets(out);
  ASSERT_EQ(out.times().size(), 4U) << "a time that is not valid is none";
  EXPECT_EQ(at32(bytes, out.times()[0].offset), 0x1234'5678U);
  EXPECT_FALSE(out.times()[0].wide);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_TRUE(out.times()[i].wide);
  EXPECT_EQ(at32(bytes, out.times()[1].offset), 0x0606'0606U);
  EXPECT_EQ(at32(bytes, out.times()[2].offset), 0x0808'0808U);

  out.cut(out.times()[2].offset + 7);
  EXPECT_EQ(out.times().size(), 2U) << "half a time is none";
}

TEST(Encode, Input_WithoutEncoding_IsRefused) {
  Packet packet = small_packet();
  packet.telemetry = Telemetry{.bitmap = 0xFF00, .hops = std::vector<Metadata>(40)};
  EXPECT_THROW(static_cast<void>(payload_of(Report10{.packet = packet})), std::invalid_argument);
  packet = small_packet();
  packet.protocol = 1;
  EXPECT_THROW(static_cast<void>(payload_of(Report10{.packet = packet})), std::invalid_argument);
  packet = small_packet();
  packet.ethernet = false;
  EXPECT_THROW(static_cast<void>(payload_of(Report05{.packet = packet})), std::invalid_argument);
}

TEST(Encode, Packet_WithCapturedBytes_IsTruncatedWithItsLengths) {
  Report05 report{.packet = small_packet()};
  report.packet.captured_bytes = 44;
  const Octets bytes = payload_of(report);
  EXPECT_EQ(bytes.size(), 12U + 44U);
  EXPECT_EQ(at16(bytes, 12 + 14 + 2), 32U);
}

}  // namespace
}  // namespace hopscope::pipeline::encode
