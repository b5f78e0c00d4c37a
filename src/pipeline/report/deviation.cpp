#include "pipeline/report/deviation.h"

#include "base/assert.h"

namespace hopscope::pipeline {
namespace {

constexpr unsigned kInTypeIpv4 = 4;

DeviationMask of_report20(const Report& report) noexcept {
  HOPSCOPE_ASSERT(report.group != nullptr && report.header != nullptr);
  unsigned mask = 0;
  if (report.group[0] >> 4 == 1) mask |= bit(Deviation::kReport20Version1);
  if (report.header[1] == 0 && !report.contents.empty()) mask |= bit(Deviation::kNoReportLength);
  if ((report.header[0] & 0x0F) == kInTypeIpv4 && report.inner.ethernet != nullptr) {
    mask |= bit(Deviation::kEthernetAsIp);
  }
  return static_cast<DeviationMask>(mask);
}

}  // namespace

DeviationMask deviations_of(const OuterHeaders& outer, const Report& report) noexcept {
  unsigned mask = 0;
  if (report.flags_before_reserved) mask |= bit(Deviation::kDqfBeforeReserved);
  if (report.version == 2) mask |= of_report20(report);
  if (report.stack.version == IntVersion::k10) {
    HOPSCOPE_ASSERT(report.stack.header != nullptr);
    if (report.stack.layout == HopLayout::kInt10Geant) mask |= bit(Deviation::kGeantWidths);
    if (report.stack.header[0] >> 4 == 0) mask |= bit(Deviation::kInt10Version0);
  }
  if (outer.mpls && !outer.mpls_bottom) mask |= bit(Deviation::kMplsWithoutBottom);
  if (outer.ipv4_checksum_wrong) mask |= bit(Deviation::kIpv4Checksum);
  if (outer.udp_checksum_wrong) mask |= bit(Deviation::kUdpChecksum);
  return static_cast<DeviationMask>(mask);
}

}  // namespace hopscope::pipeline
