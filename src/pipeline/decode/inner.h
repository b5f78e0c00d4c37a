#pragma once
// The packet inside a report: its headers, its INT header and stack, and the key of its flow.

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

enum class InnerStart : std::uint8_t { kEthernet, kIpv4, kIpv6 };

/// Reads the packet in `bytes` into report.inner, .stack and the flow key. Looks for INT only where
/// `may_have_int`. Returns the first error.
[[nodiscard]] DecodeError read_inner(Bytes bytes, InnerStart start, bool may_have_int,
                                     const DecodeConfig& config, const Dialect& dialect,
                                     Report& report) noexcept;

}  // namespace hopscope::pipeline
