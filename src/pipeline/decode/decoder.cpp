#include "pipeline/decode/decoder.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "base/assert.h"
#include "pipeline/decode/inner.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

bool contains(const SourceDialect& entry, const IpAddress& address) noexcept {
  if (entry.prefix.version != address.version) return false;
  HOPSCOPE_ASSERT(entry.prefix_length <= (entry.prefix.version == 4 ? 32 : 128));
  const unsigned whole = entry.prefix_length / 8;
  const unsigned rest = entry.prefix_length % 8;
  if (!std::equal(entry.prefix.bytes.begin(), entry.prefix.bytes.begin() + whole,
                  address.bytes.begin())) {
    return false;
  }
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF00U >> rest);
  return ((entry.prefix.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

/// Offset of the reporting node's id in the report header; 0: the header has none.
std::size_t node_id_at(Bytes payload) noexcept {
  constexpr unsigned kLocal = 2;  // the drop and local headers of 0.5 begin with it
  if (payload.empty()) return 0;
  if (payload[0] >> 4 != 0) return 4;
  const unsigned nproto = payload[0] & 0x0F;
  return nproto != 0 && nproto <= kLocal ? 12 : 0;
}

}  // namespace

Decoder::Decoder(const DecodeConfig& config) : config_(config) {
  HOPSCOPE_ASSERT(config_.formats.size() <= kMaxFormats);
  for (const CustomHeaderConfig& format : config_.formats) {
    formats_.emplace_back(format, static_cast<unsigned>(formats_.size()));
  }
  for (const SourceDialect& entry : config_.sources) {
    (entry.node_id ? nodes_ : prefixes_).push_back(entry);
  }
  std::stable_sort(prefixes_.begin(), prefixes_.end(),
                   [](const SourceDialect& a, const SourceDialect& b) {
                     return a.prefix_length > b.prefix_length;
                   });
  std::sort(nodes_.begin(), nodes_.end(),
            [](const SourceDialect& a, const SourceDialect& b) { return *a.node_id < *b.node_id; });
}

const CustomHeaderPlan* Decoder::format_of_port(std::uint16_t port) const noexcept {
  for (const CustomHeaderPlan& plan : formats_) {
    if (plan.config().udp_port == port) return &plan;
  }
  return nullptr;
}

const CustomHeaderPlan* Decoder::format_of_ethertype(std::uint16_t ethertype) const noexcept {
  for (const CustomHeaderPlan& plan : formats_) {
    if (plan.config().ethertype == ethertype) return &plan;
  }
  return nullptr;
}

const Dialect* Decoder::dialect_of_node(Bytes payload) const noexcept {
  const std::size_t at = node_id_at(payload);
  if (at == 0 || payload.size() < at + 4) return nullptr;
  const std::uint32_t id = be32(payload.data() + at);
  const auto found = std::lower_bound(
      nodes_.begin(), nodes_.end(), id,
      [](const SourceDialect& entry, std::uint32_t wanted) { return *entry.node_id < wanted; });
  return found != nodes_.end() && *found->node_id == id ? &found->dialect : nullptr;
}

const Dialect& Decoder::dialect_of(const IpAddress& source, Bytes payload) const noexcept {
  if (!nodes_.empty()) {
    if (const Dialect* dialect = dialect_of_node(payload)) return *dialect;
  }
  for (const SourceDialect& entry : prefixes_) {
    if (contains(entry, source)) return entry.dialect;
  }
  return config_.dialect;
}

ReportReader Decoder::reports(const OuterHeaders& outer) const noexcept {
  HOPSCOPE_ASSERT(outer.format == nullptr);
  if (outer.data_packet) return {*this, config_.dialect, outer.payload, outer.no_report};
  return {*this, dialect_of(outer.source, outer.payload), outer.payload, DecodeError::kNone};
}

/// Constructed in place: an assignment would write the 400 bytes twice.
inline void ReportReader::start(Report& report) const noexcept {
  static_assert(std::is_trivially_destructible_v<Report>);
  new (&report) Report;
  report.weight = dialect_->sampling;
}

bool ReportReader::next(Report& report) noexcept {
  if (ended_) return false;
  if (no_report_ != DecodeError::kNone) return read_data_packet(report);
  const ReportContext context{.config = decoder_->config(), .dialect = *dialect_};
  if (offset_ == 0) {
    if (payload_.empty()) return refuse(DecodeError::kShortReportHeader);
    const unsigned version = payload_[0] >> 4;
    if (version > 2) return refuse(DecodeError::kUnknownVersion);
    const bool grouped = version == 2 || (version == 1 && (payload_[0] & 0x0F) < 4 &&
                                          is_report20_marked_1(payload_));
    if (!grouped) {
      ended_ = true;
      start(report);
      report.version = static_cast<std::uint8_t>(version);
      report.error = version == 0 ? read_report05(payload_, context, report)
                                  : read_report10(payload_, context, report);
      return !rejects(report.error) || refuse(report.error);
    }
    if (payload_.size() < kGroupBytes) return refuse(DecodeError::kShortReportHeader);
    offset_ = kGroupBytes;
    if (payload_.size() < kGroupBytes + 4) return refuse(DecodeError::kNoIndividualReport);
  }
  HOPSCOPE_ASSERT(offset_ >= kGroupBytes && offset_ <= payload_.size());
  if (payload_.size() - offset_ >= 4) {
    start(report);
    report.version = 2;
    [[maybe_unused]] const std::size_t before = offset_;
    report.error = read_report20(payload_, offset_, context, report);
    HOPSCOPE_ASSERT(offset_ > before);  // so that the caller's loop ends
    return !rejects(report.error) || refuse(report.error);
  }
  ended_ = true;
  return false;
}

bool ReportReader::read_data_packet(Report& report) noexcept {
  ended_ = true;
  start(report);
  report.version = kDataPacket;
  report.tracked = true;
  report.error =
      read_inner(payload_, InnerStart::kEthernet, true, decoder_->config(), *dialect_, report);
  // A data packet is complete: a stack that would reach beyond it is not INT.
  const bool is_believable = report.error != DecodeError::kStackTruncated || report.inner.truncated;
  return (report.stack.version != IntVersion::kNone && is_believable) || refuse(no_report_);
}

bool ReportReader::refuse(DecodeError error) noexcept {
  HOPSCOPE_ASSERT(error != DecodeError::kNone);
  error_ = error;
  ended_ = true;
  return false;
}

}  // namespace hopscope::pipeline
