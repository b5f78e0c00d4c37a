#pragma once
// The checked decoder: the definition of what a frame means. Pure functions over a byte span: no
// I/O, no allocation, no exceptions, and every read is inside the span.
//
//   OuterHeaders outer;
//   DecodeError error = decoder.outer(frame, outer);
//   ReportReader reader = decoder.reports(outer);
//   while (reader.next(report)) ...
//   error = reader.error();   // of the datagram, if it gave no report

#include <cstdint>
#include <vector>

#include "pipeline/decode/custom_header_plan.h"
#include "pipeline/decode/decode_config.h"
#include "pipeline/decode/ip.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

class Decoder;

/// Iterates over the individual reports of one datagram. 0.5 and 1.0 hold one, 2.0 one or more.
class ReportReader {
 public:
  /// False at the end; then error() is set if the datagram as a whole was refused. A report of an
  /// unknown RepType has is_skipped(): only its header was read, and the next one may be valid.
  [[nodiscard]] bool next(Report& report) noexcept;

  /// Why the datagram gave no (further) report; kNone at a regular end.
  [[nodiscard]] DecodeError error() const noexcept { return error_; }

 private:
  friend class Decoder;

  bool refuse(DecodeError error) noexcept;

  ReportReader(const Decoder& decoder, const Dialect& dialect, Bytes payload,
               DecodeError no_report) noexcept
      : decoder_(&decoder), dialect_(&dialect), payload_(payload), no_report_(no_report) {}

  bool read_data_packet(Report& report) noexcept;

  void start(Report& report) const noexcept;

  const Decoder* decoder_;
  const Dialect* dialect_;
  Bytes payload_;
  std::size_t offset_ = 0;
  DecodeError error_ = DecodeError::kNone;
  DecodeError no_report_;  ///< kNone: it is a report
  bool ended_ = false;
};

class Decoder {
 public:
  explicit Decoder(const DecodeConfig& config);

  /// Ethernet, up to two VLAN tags, one MPLS label, IPv4 or IPv6, UDP to a report port. On an error
  /// `outer` holds what was read before it. For a custom header, outer.format is its plan. Where
  /// data packets are expected, a frame that is not a report is one.
  [[nodiscard]] DecodeError outer(Bytes frame, OuterHeaders& outer) const noexcept;

  /// The reports in the payload that outer() found, which is not a custom header. The reader refers
  /// to this decoder.
  [[nodiscard]] ReportReader reports(const OuterHeaders& outer) const noexcept;

  [[nodiscard]] const DecodeConfig& config() const noexcept { return config_; }
  [[nodiscard]] const std::vector<CustomHeaderPlan>& formats() const noexcept { return formats_; }

  /// Some senders have a dialect of their own; config().dialect applies to the others.
  [[nodiscard]] bool has_dialects() const noexcept { return !prefixes_.empty() || !nodes_.empty(); }

  /// The dialect of the sender with this address, or of the node that `payload` names.
  [[nodiscard]] const Dialect& dialect_of(const IpAddress& source, Bytes payload) const noexcept;

 private:
  [[nodiscard]] const CustomHeaderPlan* format_of_port(std::uint16_t port) const noexcept;
  [[nodiscard]] const CustomHeaderPlan* format_of_ethertype(std::uint16_t ethertype) const noexcept;
  [[nodiscard]] DecodeError report_outer(Bytes frame, OuterHeaders& outer) const noexcept;
  [[nodiscard]] const Dialect* dialect_of_node(Bytes payload) const noexcept;
  [[nodiscard]] DecodeError verify(const std::uint8_t* ip, const IpHeader& header,
                                   OuterHeaders& outer) const noexcept;

  DecodeConfig config_;
  std::vector<CustomHeaderPlan> formats_;
  std::vector<SourceDialect> prefixes_;  ///< longest first
  std::vector<SourceDialect> nodes_;     ///< ascending
};

}  // namespace hopscope::pipeline
