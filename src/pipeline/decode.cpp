#include "pipeline/decode.h"

#include <algorithm>

#include "pipeline/decode_report.h"

namespace hopscope::pipeline {
namespace {

bool contains(const SourceDialect& entry, const IpAddress& address) noexcept {
  if (entry.prefix.version != address.version) return false;
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

}  // namespace

Decoder::Decoder(const DecodeConfig& config) : config_(config) {
  std::stable_sort(config_.sources.begin(), config_.sources.end(),
                   [](const SourceDialect& a, const SourceDialect& b) {
                     return a.prefix_length > b.prefix_length;
                   });
}

const Dialect& Decoder::dialect_of(const IpAddress& source) const noexcept {
  for (const SourceDialect& entry : config_.sources) {
    if (contains(entry, source)) return entry.dialect;
  }
  return config_.dialect;
}

ReportReader Decoder::reports(const OuterHeaders& outer) const noexcept {
  return {*this, dialect_of(outer.source), outer.payload};
}

bool ReportReader::next(Report& report) noexcept {
  if (ended_) return false;
  const ReportContext context{.config = decoder_->config(), .dialect = *dialect_};
  if (offset_ == 0) {
    if (payload_.empty()) return refuse(DecodeError::kShortReportHeader);
    const unsigned version = payload_[0] >> 4;
    if (version > 2) return refuse(DecodeError::kUnknownVersion);
    const bool grouped = version == 2 || (version == 1 && (payload_[0] & 0x0F) < 4 &&
                                          is_report20_marked_1(payload_));
    if (!grouped) {
      ended_ = true;
      report = Report{};
      report.version = static_cast<std::uint8_t>(version);
      report.error = version == 0 ? read_report05(payload_, context, report)
                                  : read_report10(payload_, context, report);
      return !rejects(report.error) || refuse(report.error);
    }
    if (payload_.size() < kGroupBytes) return refuse(DecodeError::kShortReportHeader);
    offset_ = kGroupBytes;
    if (payload_.size() < kGroupBytes + 4) return refuse(DecodeError::kNoIndividualReport);
  }
  while (payload_.size() - offset_ >= 4) {
    report = Report{};
    report.version = 2;
    report.error = read_report20(payload_, offset_, context, report);
    if (rejects(report.error)) return refuse(report.error);
    if (report.error != DecodeError::kUnsupportedRepType) return true;
    error_ = report.error;  // skipped by its length; the next one may be good
  }
  ended_ = true;
  return false;
}

bool ReportReader::refuse(DecodeError error) noexcept {
  error_ = error;
  ended_ = true;
  return false;
}

}  // namespace hopscope::pipeline
