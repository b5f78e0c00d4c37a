#include "pipeline/decode/ip.h"

#include <algorithm>

#include "base/assert.h"
#include "pipeline/report/wire.h"

namespace hopscope::pipeline {
namespace {

constexpr unsigned kMaxExtensions = 8;
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestination = 60;
constexpr std::uint8_t kIoamMutable = 0x31;  // RFC 9486
constexpr std::uint8_t kIoamFixed = 0x11;
constexpr std::uint8_t kIoamIncrementalTrace = 1;  // 0: pre-allocated

std::ptrdiff_t left(const std::uint8_t* at, const std::uint8_t* end) noexcept {
  return end - at;
}

/// Finds an IOAM trace among the options of a hop-by-hop or destination header.
void find_ioam(const std::uint8_t* at, const std::uint8_t* end, IpHeader& header) noexcept {
  while (left(at, end) >= 2) {
    const std::uint8_t type = at[0];
    if (type == 0) {  // Pad1
      ++at;
      continue;
    }
    const std::ptrdiff_t length = 2 + std::ptrdiff_t{at[1]};
    if (length > left(at, end)) return;
    const bool is_trace = length > 3 && at[3] <= kIoamIncrementalTrace;
    if ((type == kIoamMutable || type == kIoamFixed) && is_trace && header.ioam == nullptr) {
      header.ioam = at;
      header.ioam_length = static_cast<std::uint16_t>(length);
    }
    at += length;
  }
}

}  // namespace

const std::uint8_t* find_ipv4_option(const std::uint8_t* ip, std::uint8_t type) noexcept {
  HOPSCOPE_ASSERT(ip[0] >> 4 == 4 && (ip[0] & 0x0F) * 4U >= kIpv4Bytes);
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNothing = 1;
  const std::uint8_t* end = ip + std::ptrdiff_t{ip[0] & 0x0F} * 4;
  for (const std::uint8_t* at = ip + kIpv4Bytes; at < end && *at != kEnd;) {
    if (*at == kNothing) {
      ++at;
      continue;
    }
    if (left(at, end) < 2 || at[1] < 2 || at[1] > left(at, end)) return nullptr;
    if (*at == type) return at;
    at += at[1];
  }
  return nullptr;
}

IpError read_ipv4(const std::uint8_t* at, const std::uint8_t* end, IpHeader& header) noexcept {
  if (left(at, end) < static_cast<std::ptrdiff_t>(kIpv4Bytes)) return IpError::kShort;
  const std::ptrdiff_t header_length = std::ptrdiff_t{at[0] & 0x0F} * 4;
  if (at[0] >> 4 != 4 || header_length < static_cast<std::ptrdiff_t>(kIpv4Bytes)) {
    return IpError::kBad;
  }
  if (header_length > left(at, end)) return IpError::kShort;
  header.payload = at + header_length;
  header.length = be16(at + 2);
  header.dscp = at[1] >> 2;
  header.ttl = at[8];
  header.protocol = at[9];
  const std::uint16_t fragment = be16(at + 6);
  header.later_fragment = (fragment & 0x1FFF) != 0;
  header.fragment = (fragment & 0x3FFF) != 0;
  header.source.version = 4;
  header.destination.version = 4;
  std::copy_n(at + 12, 4, header.source.bytes.begin());
  std::copy_n(at + 16, 4, header.destination.bytes.begin());
  return IpError::kNone;
}

IpError read_ipv6(const std::uint8_t* at, const std::uint8_t* end, IpHeader& header) noexcept {
  if (left(at, end) < static_cast<std::ptrdiff_t>(kIpv6Bytes)) return IpError::kShort;
  if (at[0] >> 4 != 6) return IpError::kBad;
  header.length = kIpv6Bytes + be16(at + 4);
  header.dscp = static_cast<std::uint8_t>((be16(at) >> 6) & 0x3F);
  header.ttl = at[7];
  header.source.version = 6;
  header.destination.version = 6;
  std::copy_n(at + 8, 16, header.source.bytes.begin());
  std::copy_n(at + 24, 16, header.destination.bytes.begin());
  std::uint8_t next = at[6];
  const std::uint8_t* here = at + kIpv6Bytes;
  for (unsigned i = 0; i < kMaxExtensions; ++i) {
    if (next != kHopByHop && next != kRouting && next != kFragment && next != kAuthentication &&
        next != kDestination) {
      break;
    }
    if (left(here, end) < 8) return IpError::kShort;
    std::ptrdiff_t length = 8;
    if (next == kFragment) {
      header.fragment = true;
      header.later_fragment = (be16(here + 2) & 0xFFF8) != 0;
    } else {
      length = next == kAuthentication ? (here[1] + 2) * 4 : (here[1] + 1) * 8;
    }
    if (length > left(here, end)) return IpError::kShort;
    if (next == kHopByHop || next == kDestination) find_ioam(here + 2, here + length, header);
    next = here[0];
    here += length;
    if (header.later_fragment) break;
  }
  HOPSCOPE_ASSERT(here <= end);
  header.protocol = next;
  header.payload = here;
  return IpError::kNone;
}

}  // namespace hopscope::pipeline
