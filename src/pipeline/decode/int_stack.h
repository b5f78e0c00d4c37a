#pragma once
// INT headers and stacks (INT 0.5, 1.0, 2.x). Each function is given where a header may be and
// returns whether there is one; no value is used before it is validated.

#include <cstdint>

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

/// What carries the INT header; it decides the shim.
enum class IntCarrier : std::uint8_t { kL4, kVxlanGpe, kGre, kGeneve };

struct IntResult {
  DecodeError error = DecodeError::kNone;
  /// After the stack: original L4 header or payload. Null where the packet ends before it.
  const std::uint8_t* after = nullptr;
  std::uint8_t npt = 0;         ///< 2.x over TCP/UDP
  std::uint8_t shim_byte3 = 0;  ///< 2.x: original protocol (NPT 2)
  std::uint16_t shim_word = 0;  ///< 2.x: original port (NPT 1)
};

/// Reads the shim, header and stack at `at`, the first byte after an L4, VXLAN-GPE or GRE header.
/// kNotInt: there is none.
[[nodiscard]] IntResult read_int(const std::uint8_t* at, const std::uint8_t* end,
                                 IntCarrier carrier, const DecodeConfig& config,
                                 const Dialect& dialect, IntStack& stack) noexcept;

/// Reads the data of a Geneve option, which has no shim. `type` (1 INT-MD, 2 destination, 3 INT-MX)
/// and `words`, the length of the data, come from the option's header.
[[nodiscard]] IntResult read_int_option(const std::uint8_t* at, const std::uint8_t* end,
                                        unsigned type, unsigned words, const DecodeConfig& config,
                                        const Dialect& dialect, IntStack& stack) noexcept;

/// Reads the MRI option of the P4 tutorials (IPv4 option 31): count of 16 bits, then switch id and
/// queue depth of 32 bits each per hop, newest first. `option` is complete.
[[nodiscard]] DecodeError read_mri(const std::uint8_t* option, IntStack& stack) noexcept;

}  // namespace hopscope::pipeline
