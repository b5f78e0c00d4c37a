#pragma once
// Deviations from the specification that are visible in a sender's reports, as `hopscope sources`
// and int_source_info show them. They do not change how its reports are read: Dialect does.

#include <cstdint>
#include <string_view>

#include "pipeline/report/report.h"

namespace hopscope::pipeline {

// clang-format off
// X(enumerator, label, meaning)
#define HOPSCOPE_DEVIATIONS(X)                                                                     \
  X(kDqfBeforeReserved, dqf_before_reserved, "1.0 reports with D, Q and F directly after RepMdBits")\
  X(kGeantWidths, geant_widths, "INT 1.0 stacks with 64-bit times and 16-bit level 2 ports")       \
  X(kInt10Version0, int10_version_0, "an INT header of the 1.0 layout with version 0")             \
  X(kReport20Version1, report20_version_1, "2.0 reports with version 1")                           \
  X(kNoReportLength, no_report_length, "2.0 reports with Report Length 0 and bytes after it")      \
  X(kEthernetAsIp, ethernet_as_ip, "2.0 reports that announce IPv4 and begin with Ethernet")       \
  X(kMplsWithoutBottom, mpls_without_bottom, "an MPLS label without the bottom-of-stack bit")      \
  X(kIpv4Checksum, ipv4_checksum, "wrong or zero IPv4 header checksums around reports")            \
  X(kUdpChecksum, udp_checksum, "wrong UDP checksums around reports")
// clang-format on

enum class Deviation : std::uint8_t {
#define HOPSCOPE_X(enumerator, label, meaning) enumerator,
  HOPSCOPE_DEVIATIONS(HOPSCOPE_X)
#undef HOPSCOPE_X
};

struct DeviationInfo {
  std::string_view label;
  std::string_view meaning;
};

/// Indexed by Deviation.
inline constexpr DeviationInfo kDeviations[] = {
#define HOPSCOPE_X(enumerator, label, meaning) {#label, meaning},
    HOPSCOPE_DEVIATIONS(HOPSCOPE_X)
#undef HOPSCOPE_X
};

/// One bit per Deviation.
using DeviationMask = std::uint16_t;
static_assert(sizeof kDeviations / sizeof kDeviations[0] <= 16);

[[nodiscard]] constexpr DeviationMask bit(Deviation deviation) noexcept {
  return static_cast<DeviationMask>(1U << static_cast<unsigned>(deviation));
}

/// The deviations of this report and of the headers around it. Both are of the same frame.
[[nodiscard]] DeviationMask deviations_of(const OuterHeaders& outer, const Report& report) noexcept;

}  // namespace hopscope::pipeline
