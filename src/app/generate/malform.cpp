#include "app/generate/malform.h"

namespace hopscope::app {
namespace {

using pipeline::DecodeError;
using pipeline::encode::ByteWriter;
using pipeline::encode::FrameMarks;

/// Bytes of the report's own header; a 2.0 datagram has its group header and an individual one.
std::size_t header_bytes(TrafficFormat format, const ByteWriter& frame, const FrameMarks& marks) {
  switch (format) {
    case TrafficFormat::kReport05:
      return 12;
    case TrafficFormat::kReport05Local:
      return 28;
    case TrafficFormat::kReport05Drop:
      return 24;
    case TrafficFormat::kReport10:
    case TrafficFormat::kReport10Xd:
      return std::size_t{4} * (frame.bytes()[marks.payload] & 0xFU);
    case TrafficFormat::kReport20Md:
      return 12;
    case TrafficFormat::kReport20Xd:
    case TrafficFormat::kReport20Mx:
      return 20 + std::size_t{4} * frame.bytes()[marks.payload + 10];
  }
  return 0;
}

/// Where the reported packet's IP header starts. The model's packets have no VLAN tags.
std::size_t inner_ip(TrafficFormat format, const ByteWriter& frame, const FrameMarks& marks) {
  const std::size_t inner = marks.payload + header_bytes(format, frame, marks);
  const unsigned first = frame.bytes()[marks.payload];
  const unsigned second = frame.bytes()[marks.payload + 1];
  const unsigned version = first >> 4;
  const bool ethernet = version == 0 || (version == 1 && (second >> 5) == 0) ||
                        (version == 2 && (frame.bytes()[marks.payload + 8] & 0xF) == 3);
  return inner + (ethernet ? 14 : 0);
}

/// Where the INT shim of a stack format is.
std::size_t shim(TrafficFormat format, const ByteWriter& frame, const FrameMarks& marks) {
  const std::size_t ip = inner_ip(format, frame, marks);
  const bool is_ipv4 = frame.bytes()[ip] >> 4 == 4;
  const unsigned protocol = frame.bytes()[ip + (is_ipv4 ? 9 : 6)];
  return ip + (is_ipv4 ? 20 : 40) + (protocol == 6 ? 20 : 8);
}

}  // namespace

std::vector<DecodeError> malformed_kinds(TrafficFormat format) {
  std::vector<DecodeError> kinds{DecodeError::kShortFrame, DecodeError::kBadOuterUdpLength,
                                 DecodeError::kShortReportHeader, DecodeError::kUnknownVersion};
  switch (report_version(format)) {
    case 0:
      kinds.push_back(DecodeError::kUnknownNproto);
      break;
    case 1:
      kinds.push_back(DecodeError::kBadReportLength);
      kinds.push_back(DecodeError::kUnknownNproto);
      break;
    default:
      kinds.push_back(DecodeError::kNoIndividualReport);
      break;
  }
  if (report_version(format) != 2) kinds.push_back(DecodeError::kShortInner);
  if (has_stack(format)) {
    kinds.push_back(DecodeError::kBadShimLength);
    if (format != TrafficFormat::kReport05) kinds.push_back(DecodeError::kBadHopMl);
  }
  return kinds;
}

void malform(DecodeError kind, TrafficFormat format, const pipeline::encode::Outer& outer,
             const FrameMarks& marks, ByteWriter& frame) {
  const std::size_t payload = marks.payload;
  switch (kind) {
    case DecodeError::kShortFrame:
      frame.cut(marks.udp + 4);
      return;  // lengths stay as they were
    case DecodeError::kBadOuterUdpLength:
      frame.set16(marks.udp + 4, 0xFFFF);
      return;
    case DecodeError::kShortReportHeader:
      frame.cut(payload + 6);
      break;
    case DecodeError::kUnknownVersion:
      frame.set8(payload, 0xF0U | (frame.bytes()[payload] & 0x0FU));
      break;
    case DecodeError::kUnknownNproto:
      if (report_version(format) == 0) {
        frame.set8(payload, 7);
      } else {
        frame.set8(payload + 1, 0xE0U | (frame.bytes()[payload + 1] & 0x1FU));
      }
      break;
    case DecodeError::kBadReportLength:
      frame.set8(payload, 0x13);
      break;  // 1.0: below 4 words
    case DecodeError::kNoIndividualReport:
      frame.cut(payload + 8);
      break;
    case DecodeError::kShortInner:
      frame.cut(inner_ip(format, frame, marks) + 10);
      break;
    case DecodeError::kBadShimLength: {
      const bool length_second = report_version(format) == 2;
      frame.set8(shim(format, frame, marks) + (length_second ? 1 : 2), 1);
      break;
    }
    case DecodeError::kBadHopMl:
      frame.set8(shim(format, frame, marks) + 6, 0);
      break;
    default:
      return;
  }
  finish_frame(frame, outer, marks);
}

}  // namespace hopscope::app
