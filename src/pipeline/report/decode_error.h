#pragma once
// Every error of a frame. One list makes the enum, the labels of the counters, the policies that
// `hopscope decode` prints and the table in docs/formats.md.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"

namespace hopscope::pipeline {

/// What is kept of a frame with an error. Only `reject` drops the frame.
enum class Policy : std::uint8_t {
  kReject,        ///< nothing is kept; the frame is dropped and counted
  kHeaderOnly,    ///< the report header is kept
  kMetadataOnly,  ///< the report's own metadata is kept, there is no flow key
  kNoInt,         ///< report and flow are kept, no hops
  kPartial,       ///< the complete parts are kept
  kSkip,          ///< this individual report is skipped, the next one is read
};

// clang-format off
// X(enumerator, label, policy, meaning)
#define HOPSCOPE_DECODE_ERRORS(X)                                                                  \
  X(kShortFrame, short_frame, kReject, "the frame ends inside its Ethernet, IP or UDP header")      \
  X(kNotUdp, not_udp, kReject, "not an IPv4 or IPv6 UDP frame")                                     \
  X(kNoTelemetry, no_telemetry, kReject, "a data packet without INT, where decode.data_packets is on") \
  X(kOtherPort, other_port, kReject, "UDP, but not to a report port")                               \
  X(kOuterFragment, outer_fragment, kReject, "the report itself is an IP fragment")                 \
  X(kBadOuterIp, bad_outer_ip, kReject, "outer IPv4 header length or total length is impossible")   \
  X(kBadOuterUdpLength, bad_outer_udp_length, kReject, "outer UDP length below 8 or past the IP payload") \
  X(kBadIpv4Checksum, bad_ipv4_checksum, kReject, "wrong outer IPv4 header checksum, where decode.verify is drop") \
  X(kBadUdpChecksum, bad_udp_checksum, kReject, "wrong outer UDP checksum, where decode.verify is drop") \
  X(kShortFormat, short_format, kReject, "the frame ends inside a header that is declared under formats") \
  X(kShortReportHeader, short_report_header, kReject, "the UDP payload ends inside the report header") \
  X(kUnknownVersion, unknown_version, kReject, "the report version is not 0, 1 or 2")               \
  X(kBadReportLength, bad_report_length, kReject, "1.0 Length below what its bits need; 2.0 INT report below 2 words") \
  X(kNoIndividualReport, no_individual_report, kReject, "a 2.0 group header with nothing after it") \
  X(kUnknownNproto, unknown_nproto, kHeaderOnly, "0.5 or 1.0 NProto that no specification names")   \
  X(kReportLengthPastEnd, report_length_past_end, kPartial, "2.0 Report Length reaches past the datagram") \
  X(kBadMdLength, bad_md_length, kPartial, "2.0 MD Length below what RepMdBits need")               \
  X(kBadTlvLength, bad_tlv_length, kPartial, "a 2.0 TLV reaches past its report")                   \
  X(kUnsupportedRepType, unsupported_rep_type, kSkip, "a 2.0 RepType without a published layout")   \
  X(kBadShimLength, bad_shim_length, kNoInt, "INT shim length below its headers")                   \
  X(kBadHopMl, bad_hop_ml, kNoInt, "INT hop length 0 although there is a stack")                    \
  X(kHopMlMismatch, hop_ml_mismatch, kNoInt, "INT hop length contradicts the instruction bitmap")   \
  X(kNotInt, not_int, kNoInt, "marked as INT, but no INT header is there")                          \
  X(kStackTruncated, stack_truncated, kPartial, "the packet ends inside the INT stack")             \
  X(kStackNotMultiple, stack_not_multiple, kPartial, "the INT stack is not a whole number of hops") \
  X(kHopCountMismatch, hop_count_mismatch, kPartial, "INT 0.5 total hop count contradicts the length") \
  X(kBadInnerIp, bad_inner_ip, kMetadataOnly, "the reported packet's IP header is impossible")      \
  X(kShortInner, short_inner, kMetadataOnly, "the reported packet ends inside its headers")
// clang-format on

enum class DecodeError : std::uint8_t {
  kNone = 0,
#define HOPSCOPE_X(enumerator, label, policy, meaning) enumerator,
  HOPSCOPE_DECODE_ERRORS(HOPSCOPE_X)
#undef HOPSCOPE_X
};

struct DecodeErrorInfo {
  std::string_view label;
  Policy policy;
  std::string_view meaning;
};

/// Indexed by DecodeError; entry 0 is "none".
inline constexpr DecodeErrorInfo kDecodeErrors[] = {{"none", Policy::kPartial, "no error"},
#define HOPSCOPE_X(enumerator, label, policy, meaning) {#label, Policy::policy, meaning},
                                                    HOPSCOPE_DECODE_ERRORS(HOPSCOPE_X)
#undef HOPSCOPE_X
};

inline constexpr std::size_t kDecodeErrorCount = sizeof kDecodeErrors / sizeof kDecodeErrors[0];

[[nodiscard]] constexpr const DecodeErrorInfo& info(DecodeError error) noexcept {
  HOPSCOPE_ASSERT(static_cast<std::size_t>(error) < kDecodeErrorCount);
  return kDecodeErrors[static_cast<std::size_t>(error)];
}

[[nodiscard]] constexpr bool rejects(DecodeError error) noexcept {
  return error != DecodeError::kNone && info(error).policy == Policy::kReject;
}

[[nodiscard]] constexpr std::string_view label(Policy policy) noexcept {
  switch (policy) {
    case Policy::kReject:
      return "reject";
    case Policy::kHeaderOnly:
      return "header_only";
    case Policy::kMetadataOnly:
      return "metadata_only";
    case Policy::kNoInt:
      return "no_int";
    case Policy::kPartial:
      return "partial";
    case Policy::kSkip:
      return "skip";
  }
  return "";
}

}  // namespace hopscope::pipeline
