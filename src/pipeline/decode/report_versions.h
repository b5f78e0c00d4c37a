#pragma once
// The report headers of the three versions. Each reader fills a Report and returns its first error.

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

/// What all reports of one datagram share.
struct ReportContext {
  const DecodeConfig& config;
  const Dialect& dialect;
};

/// After an error of the policy `reject`, `report` must not be used.
[[nodiscard]] DecodeError read_report05(Bytes payload, const ReportContext& context,
                                        Report& report) noexcept;
[[nodiscard]] DecodeError read_report10(Bytes payload, const ReportContext& context,
                                        Report& report) noexcept;

inline constexpr std::size_t kGroupBytes = 8;

/// Reads the individual report of 2.0 at `payload[offset]`, whose first word is in the payload, and
/// moves `offset` past it.
[[nodiscard]] DecodeError read_report20(Bytes payload, std::size_t& offset,
                                        const ReportContext& context, Report& report) noexcept;

/// Reads the packet in a TLV of type 1 to 3 (section 3.5); next() reads that of the first such TLV.
[[nodiscard]] DecodeError read_tlv_packet(Bytes value, unsigned type, const ReportContext& context,
                                          Report& report) noexcept;

/// A group header with version 1 before a 2.0 layout, as some senders write it.
[[nodiscard]] bool is_report20_marked_1(Bytes payload) noexcept;

}  // namespace hopscope::pipeline
