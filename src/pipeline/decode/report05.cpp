// Telemetry Report 0.5, with the private NProto 3 and 4 of host-int.

#include "base/assert.h"
#include "pipeline/decode/inner.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/internet_checksum.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr std::size_t kFixedBytes = 12;
constexpr std::size_t kDropBytes = 12;
constexpr std::size_t kLocalBytes = 16;
constexpr std::size_t kSummaryBytes = 24;

enum : unsigned { kEthernet = 0, kDrop = 1, kLocal = 2, kDropSummary = 3, kHostIntIpv4 = 4 };

/// Marks the field as present, and as invalid where its word at `at` is all ones.
void note(const std::uint8_t* at, Field field, Metadata& metadata) noexcept {
  metadata.present = static_cast<FieldMask>(metadata.present | bit(field));
  if (be32(at) != 0xFFFF'FFFF) return;
  metadata.invalid = static_cast<FieldMask>(metadata.invalid | bit(field));
}

void set_ports(const std::uint8_t* at, Metadata& metadata) noexcept {
  note(at, Field::kL1Ports, metadata);
  metadata.l1_ingress_if = be16(at);
  metadata.l1_egress_if = be16(at + 2);
}

void read_drop(const std::uint8_t* at, Report& report) noexcept {
  report.has_node_id = true;
  report.node_id = be32(at);
  set_ports(at + 4, report.metadata);
  note(at + 8, Field::kDrop, report.metadata);
  report.metadata.drop_queue_id = at[8];
  report.metadata.drop_reason = at[9];
}

void read_local(const std::uint8_t* at, Report& report) noexcept {
  Metadata& metadata = report.metadata;
  report.has_node_id = true;
  report.node_id = be32(at);
  set_ports(at + 4, metadata);
  note(at + 8, Field::kQueue, metadata);
  note(at + 12, Field::kEgressTime, metadata);
  metadata.queue_id = at[8];
  metadata.queue_occupancy = be24(at + 9);
  metadata.egress_time = be32(at + 12);
}

/// Returns where the packet starts. In host-int reports the sink's node id before the IPv4 header
/// is optional; the place where an IPv4 header starts decides.
const std::uint8_t* skip_sink_node(Bytes payload, const Dialect& dialect, Report& report) noexcept {
  HOPSCOPE_ASSERT(payload.size() >= kFixedBytes);
  const std::uint8_t* at = payload.data() + kFixedBytes;
  constexpr std::uint8_t kIpv4NoOptions = 0x45;
  const bool has_room = payload.size() >= kFixedBytes + 4 + kIpv4Bytes;
  // Where both places may be IPv4, a correct checksum at the first decides.
  const auto is_ipv4 = [&] {
    return at[0] == kIpv4NoOptions && is_checksum_right(checksum_sum(Bytes(at, kIpv4Bytes)));
  };
  const bool has_sink =
      has_room &&
      (dialect.hostint_sink == HostIntSink::kPresent ||
       (dialect.hostint_sink == HostIntSink::kAuto && at[4] == kIpv4NoOptions && !is_ipv4()));
  if (!has_sink) return at;
  report.has_node_id = true;
  report.node_id = be32(at);
  return at + 4;
}

}  // namespace

DecodeError read_report05(Bytes payload, const ReportContext& context, Report& report) noexcept {
  if (payload.size() < kFixedBytes) return DecodeError::kShortReportHeader;
  const std::uint8_t* at = payload.data();
  const unsigned nproto = at[0] & 0x0F;
  report.header = at;
  report.dropped = (at[1] & 0x80) != 0;
  report.congested = (at[1] & 0x40) != 0;
  report.tracked = (at[1] & 0x20) != 0;
  report.hw_id = at[3] & 0x3F;
  report.sequence = be32(at + 4);
  report.has_ingress_time = true;
  report.ingress_time = be32(at + 8);

  const std::uint8_t* inner = at + kFixedBytes;
  const std::size_t left = payload.size() - kFixedBytes;
  InnerStart start = InnerStart::kEthernet;
  switch (nproto) {
    case kEthernet:
      break;
    case kDrop:
      if (left < kDropBytes) return DecodeError::kShortReportHeader;
      read_drop(inner, report);
      inner += kDropBytes;
      break;
    case kLocal:
      if (left < kLocalBytes) return DecodeError::kShortReportHeader;
      read_local(inner, report);
      inner += kLocalBytes;
      break;
    case kDropSummary:
      if (left < kSummaryBytes) return DecodeError::kShortReportHeader;
      report.has_node_id = true;
      report.node_id = be32(inner + 4);
      set_ports(inner + 8, report.metadata);
      inner += kSummaryBytes;
      start = InnerStart::kIpv4;
      break;
    case kHostIntIpv4:
      inner = skip_sink_node(payload, context.dialect, report);
      start = InnerStart::kIpv4;
      break;
    default:
      return DecodeError::kUnknownNproto;
  }
  HOPSCOPE_ASSERT(inner >= at + kFixedBytes && inner <= at + payload.size());
  const Bytes packet = payload.subspan(static_cast<std::size_t>(inner - at));
  return read_inner(packet, start, report.tracked, context.config, context.dialect, report);
}

}  // namespace hopscope::pipeline
