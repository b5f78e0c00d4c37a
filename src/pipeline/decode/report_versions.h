#pragma once
// The report headers of the three versions. Each reader fills a Report and says what is wrong.

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

/// What is common to reading the reports of one datagram.
struct ReportContext {
  const DecodeConfig& config;
  const Dialect& dialect;
};

/// Errors of the policy `reject` mean that `report` is not to be used.
[[nodiscard]] DecodeError read_report05(Bytes payload, const ReportContext& context,
                                        Report& report) noexcept;
[[nodiscard]] DecodeError read_report10(Bytes payload, const ReportContext& context,
                                        Report& report) noexcept;

inline constexpr std::size_t kGroupBytes = 8;

/// One individual report of 2.0 at `payload[offset]`; `offset` moves behind it.
[[nodiscard]] DecodeError read_report20(Bytes payload, std::size_t& offset,
                                        const ReportContext& context, Report& report) noexcept;

/// The packet in a TLV of type 1 to 3 (section 3.5); next() reads that of the first such TLV.
[[nodiscard]] DecodeError read_tlv_packet(Bytes value, unsigned type, const ReportContext& context,
                                          Report& report) noexcept;

/// A group header that says version 1 in front of a 2.0 layout, as some senders write it.
[[nodiscard]] bool is_report20_marked_1(Bytes payload) noexcept;

}  // namespace hopscope::pipeline
