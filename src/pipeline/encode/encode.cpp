#include "pipeline/encode/encode.h"

#include <bit>
#include <stdexcept>

#include "base/assert.h"
#include "pipeline/encode/ip.h"
#include "pipeline/encode/metadata.h"

namespace hopscope::pipeline::encode {
namespace {

constexpr std::uint32_t flag(bool set, unsigned shift) {
  HOPSCOPE_ASSERT(shift < 32);
  return set ? 1U << shift : 0U;
}

/// Version 2.0 counts words: InType 3 packets of 14 + 4n bytes are padded with zeros.
void pad_to_word(ByteWriter& out, std::size_t start) {
  HOPSCOPE_ASSERT(start <= out.size());
  while ((out.size() - start) % 4 != 0) out.put8(0);
}

std::uint8_t in_type_of(const IndividualReport& report) {
  if (!report.packet) return report.in_type;
  if (report.packet->ethernet) return 3;
  return report.packet->source.version == 4 ? 4 : 5;
}

void put_individual(ByteWriter& out, const IndividualReport& report, bool last) {
  const std::size_t start = out.size();
  const unsigned md_words =
      report.inner_only
          ? 0
          : report20_words(report.md_bits) + static_cast<unsigned>(report.ds_metadata.size());
  if (md_words > 255) throw std::invalid_argument("report metadata of more than 255 words");
  out.put8((report.inner_only ? 0U : 1U) << 4 | in_type_of(report));
  out.put8(0);  // Report Length, set below
  out.put8(md_words);
  out.put8(flag(report.flags.dropped, 7) | flag(report.flags.congested, 6) |
           flag(report.flags.tracked, 5) | flag(report.flags.intermediate, 4));
  if (!report.inner_only) {
    out.put16(report.md_bits);
    out.put16(report.domain_id);
    out.put16(report.ds_md_bits);
    out.put16(report.ds_md_status);
    put_report20_metadata(out, report.md_bits, report.metadata);
    for (const std::uint32_t word : report.ds_metadata) out.put32(word);
  }
  if (report.packet) {
    put_packet(out, *report.packet);
  } else {
    out.put(report.contents);
  }
  pad_to_word(out, start);
  HOPSCOPE_ASSERT((out.size() - start) % 4 == 0 && out.size() - start >= 4);
  const std::size_t words = (out.size() - start) / 4 - 1;
  if (words >= 255 && !last) {
    throw std::invalid_argument("only the last report of a datagram may have 255 words or more");
  }
  out.set8(start + 1, words >= 255 ? 255 : static_cast<std::uint32_t>(words));
}

template <typename Report>
FrameMarks put_whole(ByteWriter& out, const Outer& outer, const Report& report,
                     std::size_t sequence_in_report, unsigned sequence_bits) {
  out.clear();
  put_ethernet(out, outer.destination_mac, outer.source_mac, outer.vlans, outer.source.version);
  const IpLengths ip = put_ip(out, {.source = outer.source,
                                    .destination = outer.destination,
                                    .dscp = outer.dscp,
                                    .ttl = outer.ttl,
                                    .protocol = 17,
                                    .identification = outer.identification});
  FrameMarks marks{.ip = ip.offset, .udp = out.size(), .sequence_bits = sequence_bits};
  out.put16(outer.source_port);
  out.put16(outer.destination_port);
  out.put32(0);
  marks.payload = out.size();
  marks.sequence = marks.payload + sequence_in_report;
  put_report(out, report);
  HOPSCOPE_ASSERT(marks.sequence + 4 <= out.size());
  finish_frame(out, outer, marks);
  return marks;
}

}  // namespace

void put_report(ByteWriter& out, const Report05& report) {
  out.put8(static_cast<std::uint32_t>(report.kind));  // version 0, NProto
  out.put8(flag(report.flags.dropped, 7) | flag(report.flags.congested, 6) |
           flag(report.flags.tracked, 5));
  out.put16(report.hw_id & 0x3FU);
  out.put32(report.sequence);
  out.put_time(report.ingress_time, TimeWidth::k32Bits);
  const Metadata& metadata = report.metadata;
  if (report.kind != Report05::Kind::kPacket) {
    out.put32(report.switch_id);
    out.put16(metadata.l1_ingress_if);
    out.put16(metadata.l1_egress_if);
  }
  if (report.kind == Report05::Kind::kDrop) {
    out.put8(metadata.drop_queue_id);
    out.put8(metadata.drop_reason);
    out.put16(0);
  } else if (report.kind == Report05::Kind::kLocal) {
    out.put32(metadata.queue_id << 24 | (metadata.queue_occupancy & 0xFF'FFFF));
    out.put_time(metadata.egress_time, TimeWidth::k32Bits);
  }
  if (!report.packet.ethernet) {
    throw std::invalid_argument("a 0.5 report holds an Ethernet frame");
  }
  put_packet(out, report.packet);
}

void put_report(ByteWriter& out, const Report10& report) {
  const Packet& packet = report.packet;
  const unsigned nproto = packet.ethernet ? 0U : packet.source.version == 4 ? 1U : 2U;
  const unsigned bits = report.md_bits & 0x3FU;
  const unsigned length = 4U + static_cast<unsigned>(std::popcount(bits));
  out.put32(1U << 28 | length << 24 | nproto << 21 | bits << 15 | flag(report.flags.dropped, 8) |
            flag(report.flags.congested, 7) | flag(report.flags.tracked, 6) |
            (report.hw_id & 0x3FU));
  out.put32(report.switch_id);
  out.put32(report.sequence);
  out.put_time(report.ingress_time, TimeWidth::k32Bits);
  put_report10_metadata(out, report.md_bits, report.metadata);
  put_packet(out, packet);
}

void put_report(ByteWriter& out, const Report20& report) {
  out.put32(2U << 28 | (report.hw_id & 0x3FU) << 22 | (report.sequence & 0x3F'FFFFU));
  out.put32(report.node_id);
  for (std::size_t i = 0; i < report.reports.size(); ++i) {
    put_individual(out, report.reports[i], i + 1 == report.reports.size());
  }
}

FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report05& report) {
  return put_whole(out, outer, report, 4, 32);
}

FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report10& report) {
  return put_whole(out, outer, report, 8, 32);
}

FrameMarks put_frame(ByteWriter& out, const Outer& outer, const Report20& report) {
  return put_whole(out, outer, report, 0, 22);
}

void finish_frame(ByteWriter& out, const Outer& outer, const FrameMarks& marks) {
  HOPSCOPE_ASSERT(marks.ip < marks.udp && marks.udp + 8 == marks.payload);
  HOPSCOPE_ASSERT(marks.payload <= out.size());
  const IpLengths ip{.offset = marks.ip, .version = outer.source.version};
  finish_ip(out, ip);
  out.set16(marks.udp + 4, static_cast<std::uint32_t>(out.size() - marks.udp));
  out.set16(marks.udp + 6, 0);
  if (outer.udp_checksum) set_l4_checksum(out, ip, 17, marks.udp, marks.udp + 6);
}

}  // namespace hopscope::pipeline::encode
