// Telemetry Report 2.0: a group header and one or more individual reports.

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "pipeline/decode/inner.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kFirstWordBytes = 4;
constexpr std::size_t kIntBodyBytes = 8;  // RepMdBits, domain id, DSMdBits, DSMdstatus
constexpr std::size_t kToTheEnd = 0xFF;
constexpr unsigned kInnerOnly = 0;
constexpr unsigned kInt = 1;

enum InType : unsigned {
  kNothing = 0,
  kTlv = 1,
  kDsExtension = 2,
  kEthernet = 3,
  kIpv4 = 4,
  kIpv6 = 5
};

unsigned md_words(std::uint16_t bits) noexcept {
  const auto set = [bits](unsigned i) { return (bits >> (15 - i)) & 1U; };
  // Bit 0 has no word: the node id is in the group header. Bits 4, 5 and 6 have two.
  return static_cast<unsigned>(std::popcount(bits)) - set(0) + set(4) + set(5) + set(6);
}

/// Reads the words of RepMdBits in order (section 3.4).
class MdWords {
 public:
  MdWords(const std::uint8_t* at, std::uint16_t bits, Metadata& metadata) noexcept
      : at_(at), bits_(bits), metadata_(metadata) {}

  const std::uint8_t* take(unsigned index, Field field, std::size_t bytes) noexcept {
    HOPSCOPE_ASSERT(index < 16 && (bytes == 4 || bytes == 8));
    if (((bits_ >> (15 - index)) & 1) == 0) return nullptr;
    const std::uint8_t* word = at_;
    at_ += bytes;
    metadata_.present = static_cast<FieldMask>(metadata_.present | bit(field));
    const bool all_ones = bytes == 8 ? be64(word) == ~std::uint64_t{0} : be32(word) == 0xFFFF'FFFF;
    if (all_ones) metadata_.invalid = static_cast<FieldMask>(metadata_.invalid | bit(field));
    return word;
  }

  void skip_reserved(unsigned index) noexcept {
    if (((bits_ >> (15 - index)) & 1) != 0) at_ += 4;
  }

 private:
  const std::uint8_t* at_;
  std::uint16_t bits_;
  Metadata& metadata_;
};

void read_metadata(const std::uint8_t* at, std::uint16_t bits, Metadata& metadata) noexcept {
  MdWords words(at, bits, metadata);
  if (const auto* word = words.take(1, Field::kL1Ports, 4)) {
    metadata.l1_ingress_if = be16(word);
    metadata.l1_egress_if = be16(word + 2);
  }
  if (const auto* word = words.take(2, Field::kHopLatency, 4)) metadata.hop_latency = be32(word);
  if (const auto* word = words.take(3, Field::kQueue, 4)) {
    metadata.queue_id = word[0];
    metadata.queue_occupancy = be24(word + 1);
  }
  if (const auto* word = words.take(4, Field::kIngressTime, 8)) metadata.ingress_time = be64(word);
  if (const auto* word = words.take(5, Field::kEgressTime, 8)) metadata.egress_time = be64(word);
  if (const auto* word = words.take(6, Field::kL2Ports, 8)) {
    metadata.l2_ingress_if = be32(word);
    metadata.l2_egress_if = be32(word + 4);
  }
  if (const auto* word = words.take(7, Field::kTxUtilization, 4)) {
    metadata.tx_utilization = be32(word);
  }
  if (const auto* word = words.take(8, Field::kBuffer, 4)) {
    metadata.buffer_id = word[0];
    metadata.buffer_occupancy = be24(word + 1);
  }
  for (unsigned reserved = 9; reserved <= 14; ++reserved) words.skip_reserved(reserved);
  if (const auto* word = words.take(15, Field::kDrop, 4)) {
    metadata.drop_queue_id = word[0];
    metadata.drop_reason = word[1];
  }
}

bool looks_like_ipv4(Bytes bytes) noexcept {
  return bytes.size() >= kIpv4Bytes && bytes[0] >> 4 == 4 && (bytes[0] & 0x0F) >= 5;
}

bool looks_like_ethernet(Bytes bytes) noexcept {
  if (bytes.size() < kEthernetBytes) return false;
  const std::uint16_t ethertype = be16(bytes.data() + 12);
  return ethertype == kEtherTypeIpv4 || ethertype == kEtherTypeIpv6 || is_vlan(ethertype);
}

DecodeError read_packet(Bytes bytes, unsigned in_type, const ReportContext& context,
                        Report& report) noexcept {
  InnerStart start = InnerStart::kEthernet;
  if (in_type == kIpv4) start = InnerStart::kIpv4;
  if (in_type == kIpv6) start = InnerStart::kIpv6;
  HOPSCOPE_ASSERT(in_type == kEthernet || in_type == kIpv4 || in_type == kIpv6);
  // Some senders announce IPv4 and send the Ethernet header as well.
  if (in_type == kIpv4 && !looks_like_ipv4(bytes) && looks_like_ethernet(bytes)) {
    start = InnerStart::kEthernet;
  }
  return read_inner(bytes, start, true, context.config, context.dialect, report);
}

DecodeError read_tlvs(Bytes contents, const ReportContext& context, Report& report) noexcept {
  DecodeError error = DecodeError::kNone;
  for (std::size_t at = 0; at + 4 <= contents.size();) {
    const unsigned type = contents[at] >> 4;
    const std::size_t bytes = std::size_t{contents[at + 1]} * 4;
    if (at + 4 + bytes > contents.size()) return DecodeError::kBadTlvLength;
    const bool is_packet = type >= 1 && type <= 3;
    if (is_packet && report.inner.bytes.empty()) {
      error = read_tlv_packet(contents.subspan(at + 4, bytes), type, context, report);
    }
    at += 4 + bytes;
  }
  return error;
}

DecodeError read_contents(unsigned in_type, const ReportContext& context, Report& report) noexcept {
  switch (in_type) {
    case kTlv:
      return read_tlvs(report.contents, context, report);
    case kEthernet:
    case kIpv4:
    case kIpv6:
      return read_packet(report.contents, in_type, context, report);
    default:
      return DecodeError::kNone;
  }
}

/// The end of the report at `at`; sets `error` where its length reaches past the datagram.
std::size_t end_of(Bytes payload, std::size_t at, bool no_lengths, DecodeError& error) noexcept {
  HOPSCOPE_ASSERT(at + kFirstWordBytes <= payload.size());
  const std::size_t length = payload[at + 1];
  const std::size_t left = payload.size() - at - kFirstWordBytes;
  std::size_t bytes = length * 4;
  if (length == 0 || no_lengths) {
    bytes = left;  // some senders never fill it in
  } else if (length == kToTheEnd) {
    if (left < bytes) error = DecodeError::kReportLengthPastEnd;
    bytes = left;
  }
  if (bytes > left) {
    error = DecodeError::kReportLengthPastEnd;
    bytes = left;
  }
  // Lengths are in words: up to three bytes of the packet may follow the stated end.
  if (left - bytes < 4) bytes = left;
  return at + kFirstWordBytes + bytes;
}

}  // namespace

DecodeError read_tlv_packet(Bytes value, unsigned type, const ReportContext& context,
                            Report& report) noexcept {
  // TLV types are numbered differently from InTypes: 1 Ethernet, 2 IPv4, 3 IPv6 (section 3.5).
  constexpr unsigned kInTypeOf[] = {kNothing, kEthernet, kIpv4, kIpv6};
  HOPSCOPE_ASSERT(type >= 1 && type <= 3);
  return read_packet(value, kInTypeOf[type], context, report);
}

bool is_report20_marked_1(Bytes payload) noexcept {
  constexpr std::size_t kMinBytes = kGroupBytes + kFirstWordBytes + kIntBodyBytes + kEthernetBytes;
  if (payload.size() < kMinBytes) return false;
  const std::uint8_t* at = payload.data() + kGroupBytes;
  const bool plausible = at[0] >> 4 <= kInt && (at[0] & 0x0F) >= kEthernet &&
                         (at[0] & 0x0F) <= kIpv6 && at[1] == 0 && at[2] == 0 && (at[3] & 0x0F) == 0;
  if (!plausible) return false;
  const std::size_t body = at[0] >> 4 == kInt ? kIntBodyBytes : 0;
  const Bytes contents = payload.subspan(kGroupBytes + kFirstWordBytes + body);
  return looks_like_ethernet(contents) || looks_like_ipv4(contents);
}

DecodeError read_report20(Bytes payload, std::size_t& offset, const ReportContext& context,
                          Report& report) noexcept {
  HOPSCOPE_ASSERT(offset >= kGroupBytes && offset + kFirstWordBytes <= payload.size());
  const std::uint8_t* group = payload.data();
  const std::uint8_t* at = payload.data() + offset;
  report.group = group;
  report.header = at;
  report.sequence_bits = 22;
  report.hw_id = static_cast<std::uint8_t>(((group[0] & 0x0F) << 2) | (group[1] >> 6));
  report.sequence = be32(group) & 0x3F'FFFF;
  report.has_node_id = true;
  report.node_id = be32(group + 4);
  report.dropped = (at[3] & 0x80) != 0;
  report.congested = (at[3] & 0x40) != 0;
  report.tracked = (at[3] & 0x20) != 0;
  report.intermediate = (at[3] & 0x10) != 0;

  const unsigned rep_type = at[0] >> 4;
  const unsigned in_type = at[0] & 0x0F;
  const bool no_lengths = context.dialect.tr20_no_lengths;
  const unsigned length = no_lengths ? 0 : at[1];
  if (context.dialect.tr20_hw_id_4_bits)
    report.hw_id = static_cast<std::uint8_t>(report.hw_id >> 2);
  DecodeError error = DecodeError::kNone;
  const std::size_t end = end_of(payload, offset, no_lengths, error);
  std::size_t here = offset + kFirstWordBytes;
  HOPSCOPE_ASSERT(end >= here && end <= payload.size());
  offset = end;
  if (rep_type == kInnerOnly) {
    report.contents = payload.subspan(here, end - here);
    const DecodeError inner_error = read_contents(in_type, context, report);
    return error == DecodeError::kNone ? inner_error : error;
  }
  if (rep_type != kInt) return DecodeError::kUnsupportedRepType;
  if ((length != 0 && length < kIntBodyBytes / 4) || end - here < kIntBodyBytes) {
    return error == DecodeError::kNone ? DecodeError::kBadReportLength : error;
  }
  const std::uint16_t bits = be16(payload.data() + here);
  here += kIntBodyBytes;
  const std::size_t needed = std::size_t{md_words(bits)} * 4;
  const std::size_t stated = no_lengths ? needed : std::size_t{at[2]} * 4;
  const std::size_t md_bytes = std::min(stated, end - here);
  if (stated < needed) {
    // The words are ambiguous; the packet still starts where MD Length says.
    if (error == DecodeError::kNone) error = DecodeError::kBadMdLength;
  } else if (md_bytes >= needed) {
    HOPSCOPE_ASSERT(here + needed <= end);
    read_metadata(payload.data() + here, bits, report.metadata);
    report.ds_metadata = payload.subspan(here + needed, md_bytes - needed);
  }
  if (stated > md_bytes && error == DecodeError::kNone) error = DecodeError::kBadMdLength;
  here += md_bytes;
  report.contents = payload.subspan(here, end - here);
  const DecodeError inner_error = read_contents(in_type, context, report);
  return error == DecodeError::kNone ? inner_error : error;
}

}  // namespace hopscope::pipeline
