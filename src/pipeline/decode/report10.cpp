// Telemetry Report 1.0.

#include <bit>

#include "base/assert.h"
#include "pipeline/decode/inner.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kFixedBytes = 16;
constexpr unsigned kFixedWords = 4;

/// The optional words in the order of RepMdBits (section 3.2).
void read_metadata(const std::uint8_t* at, unsigned bits, Metadata& metadata) noexcept {
  HOPSCOPE_ASSERT(bits <= 0x3F);
  const auto take = [&](unsigned mask, Field field) -> const std::uint8_t* {
    if ((bits & mask) == 0) return nullptr;
    const std::uint8_t* word = at;
    at += 4;
    metadata.present = static_cast<FieldMask>(metadata.present | bit(field));
    if (be32(word) == 0xFFFF'FFFF) {
      metadata.invalid = static_cast<FieldMask>(metadata.invalid | bit(field));
    }
    return word;
  };
  if (const auto* word = take(0x20, Field::kL1Ports)) {
    metadata.l1_ingress_if = be16(word);
    metadata.l1_egress_if = be16(word + 2);
  }
  if (const auto* word = take(0x10, Field::kHopLatency)) metadata.hop_latency = be32(word);
  if (const auto* word = take(0x08, Field::kQueue)) {
    metadata.queue_id = word[0];
    metadata.queue_occupancy = be24(word + 1);
  }
  if (const auto* word = take(0x04, Field::kEgressTime)) metadata.egress_time = be32(word);
  if (const auto* word = take(0x02, Field::kDrop)) {
    metadata.drop_queue_id = word[0];
    metadata.drop_reason = word[1];
  }
  if (const auto* word = take(0x01, Field::kTxUtilization)) metadata.tx_utilization = be32(word);
}

/// Whether D, Q and F are directly after RepMdBits instead of after the reserved bits: as the
/// dialect says, or where the bits have no other meaning.
bool flags_before_reserved(const std::uint8_t* at, const Dialect& dialect) noexcept {
  if (dialect.tr10_dqf_before_reserved) return *dialect.tr10_dqf_before_reserved;
  return (at[2] & 0x70) != 0 && (at[2] & 0x0F) == 0 && (at[3] & 0xC0) == 0;
}

}  // namespace

DecodeError read_report10(Bytes payload, const ReportContext& context, Report& report) noexcept {
  if (payload.size() < kFixedBytes) return DecodeError::kShortReportHeader;
  const std::uint8_t* at = payload.data();
  const unsigned length = at[0] & 0x0F;
  const unsigned nproto = at[1] >> 5;
  const unsigned md_bits = ((at[1] & 0x1FU) << 1) | (at[2] >> 7);
  if (length < kFixedWords + static_cast<unsigned>(std::popcount(md_bits))) {
    return DecodeError::kBadReportLength;
  }
  if (std::size_t{length} * 4 > payload.size()) return DecodeError::kShortReportHeader;
  report.header = at;
  report.flags_before_reserved = flags_before_reserved(at, context.dialect);
  if (report.flags_before_reserved) {
    report.dropped = (at[2] & 0x40) != 0;
    report.congested = (at[2] & 0x20) != 0;
    report.tracked = (at[2] & 0x10) != 0;
  } else {
    report.dropped = (at[2] & 0x01) != 0;
    report.congested = (at[3] & 0x80) != 0;
    report.tracked = (at[3] & 0x40) != 0;
  }
  report.hw_id = at[3] & 0x3F;
  report.has_node_id = true;
  report.node_id = be32(at + 4);
  report.sequence = be32(at + 8);
  report.has_ingress_time = true;
  report.ingress_time = be32(at + 12);
  if (md_bits != 0) read_metadata(at + kFixedBytes, md_bits, report.metadata);
  if (nproto > 2) return DecodeError::kUnknownNproto;
  constexpr InnerStart kStart[] = {InnerStart::kEthernet, InnerStart::kIpv4, InnerStart::kIpv6};
  return read_inner(payload.subspan(std::size_t{length} * 4), kStart[nproto], report.tracked,
                    context.config, context.dialect, report);
}

}  // namespace hopscope::pipeline
