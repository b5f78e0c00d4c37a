// Deviations of a sender: presets and single settings by prefix and by node id, what is
// recognised, checksums around reports, packets with INT instead of reports.

#include <gtest/gtest.h>

#include <vector>

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/hop_plan.h"
#include "pipeline/encode/encode.h"
#include "pipeline/report/deviation.h"

namespace hopscope::pipeline {
namespace {

using Frame = std::vector<std::uint8_t>;

template <typename AnyReport>
Frame frame_of(const AnyReport& report, const encode::Outer& outer = {}) {
  encode::ByteWriter out;
  put_frame(out, outer, report);
  return {out.bytes().begin(), out.bytes().end()};
}

struct Decoded {
  DecodeError outer_error = DecodeError::kNone;
  DecodeError error = DecodeError::kNone;  ///< of the datagram
  OuterHeaders outer;
  std::vector<Report> reports;
  DeviationMask deviations = 0;
};

Decoded decode(const DecodeConfig& config, const Frame& frame) {
  Decoded decoded;
  const Decoder decoder(config);
  decoded.outer_error = decoder.outer(frame, decoded.outer);
  if (decoded.outer_error != DecodeError::kNone) return decoded;
  ReportReader reader = decoder.reports(decoded.outer);
  Report report;
  while (reader.next(report)) {
    decoded.reports.push_back(report);
    decoded.deviations =
        static_cast<DeviationMask>(decoded.deviations | deviations_of(decoded.outer, report));
  }
  decoded.error = reader.error();
  return decoded;
}

encode::Report20 postcard() {
  encode::IndividualReport individual{.inner_only = false, .md_bits = 0x5C00};  // ports .. times
  individual.metadata.l1_ingress_if = 3;
  individual.metadata.l1_egress_if = 4;
  individual.metadata.queue_id = 1;
  individual.metadata.queue_occupancy = 77;
  individual.metadata.ingress_time = 1000;
  individual.metadata.egress_time = 2000;
  individual.packet = encode::Packet{};
  return {.hw_id = 12, .sequence = 9, .node_id = 7, .reports = {individual}};
}

SourceDialect by_node(std::uint32_t node_id, Preset preset) {
  return {.prefix = {}, .node_id = node_id, .dialect = dialect_of(preset)};
}

SourceDialect by_prefix(std::uint32_t address, std::uint8_t length, Preset preset) {
  return {.prefix = encode::ipv4(address),
          .prefix_length = length,
          .node_id = std::nullopt,
          .dialect = dialect_of(preset)};
}

TEST(Dialect, NodeId_AndLongestPrefix_TakePrecedence) {
  DecodeConfig config;
  config.sources = {by_prefix(0x0A00'0000, 8, Preset::kTofinoSwitch)};
  EXPECT_EQ(decode(config, frame_of(postcard())).reports.at(0).hw_id, 3);
  config.sources.push_back(by_prefix(0x0A00'000B, 32, Preset::kSpec));
  EXPECT_EQ(decode(config, frame_of(postcard())).reports.at(0).hw_id, 12);
  config.sources.push_back(by_node(7, Preset::kTofinoSwitch));
  EXPECT_EQ(decode(config, frame_of(postcard())).reports.at(0).hw_id, 3);
  config.sources.back() = by_node(8, Preset::kTofinoSwitch);
  EXPECT_EQ(decode(config, frame_of(postcard())).reports.at(0).hw_id, 12);
}

TEST(Dialect, NodeId_OfEveryVersion_IsFound) {
  for (const std::uint32_t node : {7U, 0xFFFF'FFFEU}) {
    DecodeConfig config;
    config.sources = {by_node(node, Preset::kNone)};
    config.sources[0].dialect.sampling = 100;
    encode::Report05 drop{.kind = encode::Report05::Kind::kDrop, .switch_id = node};
    encode::Report05 local{.kind = encode::Report05::Kind::kLocal, .switch_id = node};
    encode::Report10 report10{.switch_id = node};
    encode::Report20 report20 = postcard();
    report20.node_id = node;
    for (const Frame& frame :
         {frame_of(drop), frame_of(local), frame_of(report10), frame_of(report20)}) {
      EXPECT_EQ(decode(config, frame).reports.at(0).weight, 100U);
    }
    const encode::Report05 nameless{.sequence = node};
    EXPECT_EQ(decode(config, frame_of(nameless)).reports.at(0).weight, 1U);
  }
}

TEST(Dialect, Report20_WithoutLengths_ExtendsToTheEnd) {
  Frame frame = frame_of(postcard());
  constexpr std::size_t kIndividual = 42 + 8;
  frame[kIndividual + 1] = 0;
  frame[kIndividual + 2] = 0;
  DecodeConfig config;
  Decoded decoded = decode(config, frame);
  EXPECT_EQ(decoded.reports.at(0).error, DecodeError::kBadMdLength);
  EXPECT_NE(decoded.deviations & bit(Deviation::kNoReportLength), 0);
  config.dialect = dialect_of(Preset::kBmv2ZeroLength);
  decoded = decode(config, frame);
  EXPECT_EQ(decoded.reports.at(0).error, DecodeError::kNone);
  EXPECT_EQ(decoded.reports.at(0).metadata.queue_occupancy, 77U);
  EXPECT_EQ(decoded.reports.at(0).metadata.egress_time, 2000U);
  EXPECT_TRUE(decoded.reports.at(0).has_flow4);
}

TEST(Dialect, Report10_WithDqfBeforeReservedBits_IsRead) {
  encode::Report10 report{.switch_id = 1};
  report.flags.dropped = true;
  Frame frame = frame_of(report);
  DecodeConfig config;
  EXPECT_TRUE(decode(config, frame).reports.at(0).dropped);
  frame[42 + 2] = 0x40;  // D after RepMdBits
  frame[42 + 3] = 0;
  Decoded decoded = decode(config, frame);
  EXPECT_TRUE(decoded.reports.at(0).dropped) << "the bits can mean nothing else";
  EXPECT_EQ(decoded.deviations, bit(Deviation::kDqfBeforeReserved));
  config.dialect = dialect_of(Preset::kSpec);
  decoded = decode(config, frame);
  EXPECT_FALSE(decoded.reports.at(0).dropped);
  EXPECT_EQ(decoded.deviations, 0);
}

/// A Host-INT report (NProto 4) of an IPv4 packet, with the sink's node id before it or without.
Frame host_int(bool with_sink, std::uint32_t sink, std::uint16_t identification) {
  encode::Packet packet{.ethernet = false, .identification = identification};
  encode::ByteWriter inner;
  put_packet(inner, packet);
  encode::Report05 report;
  report.packet.captured_bytes = 1;
  Frame frame = frame_of(report);
  frame.resize(42 + 12);
  frame[42] = 0x04;
  if (with_sink) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      frame.push_back(static_cast<std::uint8_t>(sink >> shift));
    }
  }
  frame.insert(frame.end(), inner.bytes().begin(), inner.bytes().end());
  frame[17] = static_cast<std::uint8_t>(frame.size() - 14);
  frame[39] = static_cast<std::uint8_t>(frame.size() - 34);
  return frame;
}

TEST(Dialect, HostInt_WithOrWithoutSinkNode_IsRead) {
  for (const unsigned identification : {0x1234U, 0x4501U, 0x45FFU}) {
    const Decoded without =
        decode({}, host_int(false, 0, static_cast<std::uint16_t>(identification)));
    ASSERT_EQ(without.reports.size(), 1U);
    EXPECT_FALSE(without.reports[0].has_node_id) << identification;
    EXPECT_TRUE(without.reports[0].has_flow4);
    for (const std::uint32_t sink : {7U, 0x4500'0007U}) {
      const Decoded with =
          decode({}, host_int(true, sink, static_cast<std::uint16_t>(identification)));
      ASSERT_EQ(with.reports.size(), 1U);
      EXPECT_TRUE(with.reports[0].has_node_id);
      EXPECT_EQ(with.reports[0].node_id, sink);
      EXPECT_TRUE(with.reports[0].has_flow4);
    }
  }
}

TEST(Checksums, WrongOnes_AreCountedDroppedOrIgnored) {
  const encode::Report10 report{.switch_id = 1};
  for (const bool ipv6 : {false, true}) {
    SCOPED_TRACE(ipv6);
    encode::Outer outer{.udp_checksum = true};
    if (ipv6) {
      outer.source = {.bytes = {0x20, 1, 0xd, 0xb8}, .version = 6};
      outer.destination = {.bytes = {0x20, 1, 0xd, 0xb8, 1}, .version = 6};
    }
    for (const bool odd : {false, true}) {
      encode::Report10 any = report;
      any.packet.payload.assign(odd ? 33 : 32, 0x5A);
      const Frame good = frame_of(any, outer);
      DecodeConfig config;
      config.checksums = ChecksumPolicy::kDrop;
      EXPECT_EQ(decode(config, good).outer_error, DecodeError::kNone);
      for (std::size_t at = ipv6 ? 22 : 26; at < good.size(); ++at) {
        if (at >= (ipv6 ? 54U : 34U) && at < (ipv6 ? 62U : 42U)) continue;  // ports and length
        Frame bad = good;
        bad[at] ^= 0x10;
        config.checksums = ChecksumPolicy::kDrop;
        const DecodeError error = decode(config, bad).outer_error;
        EXPECT_TRUE(error == DecodeError::kBadUdpChecksum || error == DecodeError::kBadIpv4Checksum)
            << at;
        config.checksums = ChecksumPolicy::kCount;
        EXPECT_TRUE(decode(config, bad).outer.udp_checksum_wrong) << at;
        config.checksums = ChecksumPolicy::kOff;
        EXPECT_FALSE(decode(config, bad).outer.udp_checksum_wrong) << at;
      }
    }
  }
  Frame no_ipv4_checksum = frame_of(report);
  no_ipv4_checksum[24] = no_ipv4_checksum[25] = 0;
  const Decoded decoded = decode({}, no_ipv4_checksum);
  EXPECT_TRUE(decoded.outer.ipv4_checksum_wrong);
  EXPECT_FALSE(decoded.outer.udp_checksum_wrong) << "the sender computes none";
  EXPECT_EQ(decoded.deviations, bit(Deviation::kIpv4Checksum));
}

encode::Packet with_int(IntVersion version) {
  encode::Packet packet;
  packet.telemetry = encode::Telemetry{.version = version, .bitmap = 0xF000, .hops = {}};
  for (std::uint32_t i = 0; i < 3; ++i) {
    Metadata hop;
    hop.node_id = 10 + i;
    packet.telemetry->hops.push_back(hop);
  }
  return packet;
}

Frame packet_frame(const encode::Packet& packet) {
  encode::ByteWriter out;
  put_packet(out, packet);
  return {out.bytes().begin(), out.bytes().end()};
}

TEST(DataPackets, WithInt_AreRead) {
  for (const IntVersion version : {IntVersion::k05, IntVersion::k10, IntVersion::k2x}) {
    const Frame frame = packet_frame(with_int(version));
    DecodeConfig config;
    const Decoded decoded = decode(config, frame);
    ASSERT_EQ(decoded.reports.size(), 1U);
    EXPECT_EQ(decoded.reports[0].version, kDataPacket);
    EXPECT_EQ(decoded.reports[0].stack.hop_count, 3);
    EXPECT_TRUE(decoded.reports[0].has_flow4);
    config.data_packets = DataPackets::kOff;
    EXPECT_EQ(decode(config, frame).outer_error, DecodeError::kOtherPort);
  }
  const Frame plain = packet_frame({});
  DecodeConfig config;
  EXPECT_EQ(decode(config, plain).error, DecodeError::kOtherPort);
  config.data_packets = DataPackets::kOn;
  EXPECT_EQ(decode(config, plain).error, DecodeError::kNoTelemetry);
  EXPECT_TRUE(decode(config, plain).reports.empty());
}

/// An IPv4 and UDP packet with the MRI option, `count` in its header, hops with ids 1, 2, ...
Frame mri_frame(unsigned count, unsigned hops) {
  Frame frame = packet_frame({});
  std::vector<std::uint8_t> option{31, static_cast<std::uint8_t>(4 + 8 * hops), 0,
                                   static_cast<std::uint8_t>(count)};
  for (unsigned i = 0; i < hops; ++i) {
    for (const unsigned value : {i + 1, 100'000'000U + i}) {
      for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        option.push_back(static_cast<std::uint8_t>(value >> shift));
      }
    }
  }
  frame[14] = static_cast<std::uint8_t>(0x40 | (5 + option.size() / 4));
  frame[17] = static_cast<std::uint8_t>(frame[17] + option.size());
  frame.insert(frame.begin() + 34, option.begin(), option.end());
  return frame;
}

TEST(DataPackets, WithMri_AreRead) {
  DecodeConfig config;
  EXPECT_TRUE(decode(config, mri_frame(3, 3)).reports.empty()) << "not asked for";
  config.mri = true;
  const Frame frame = mri_frame(3, 3);  // the report points into it
  const Decoded decoded = decode(config, frame);
  ASSERT_EQ(decoded.reports.size(), 1U);
  const Report& report = decoded.reports[0];
  EXPECT_EQ(report.error, DecodeError::kNone);
  ASSERT_EQ(report.stack.hop_count, 3);
  const HopPlan plan = make_hop_plan(report.stack.bitmap, report.stack.layout);
  for (unsigned i = 0; i < 3; ++i) {
    Metadata hop;
    read_hop(plan, report.stack, i, hop);
    EXPECT_EQ(hop.node_id, i + 1);
    EXPECT_EQ(hop.queue_id, 0U);
    EXPECT_EQ(hop.queue_occupancy, 100'000'000U + i);
  }
  EXPECT_EQ(decode(config, mri_frame(2, 3)).reports.at(0).error, DecodeError::kHopCountMismatch);
  EXPECT_EQ(decode(config, mri_frame(2, 3)).reports.at(0).stack.hop_count, 2);
  EXPECT_EQ(decode(config, mri_frame(200, 3)).reports.at(0).stack.hop_count, 3);
  Frame broken = mri_frame(3, 3);
  broken[35] = 255;  // the option reaches past the header
  EXPECT_TRUE(decode(config, broken).reports.empty());
}

}  // namespace
}  // namespace hopscope::pipeline
