#pragma once
// INT headers and stacks (INT 0.5, 1.0, 2.x). Each function is told where the header would be and
// says whether one is there; nothing is believed before it is validated.

#include <cstdint>

#include "pipeline/decode/decode_config.h"
#include "pipeline/report/report.h"

namespace hopscope::pipeline {

/// What the INT header travels in; it decides the shim.
enum class IntCarrier : std::uint8_t { kL4, kVxlanGpe, kGre, kGeneve };

struct IntResult {
  DecodeError error = DecodeError::kNone;
  /// Behind the stack: original L4 header or payload. Null where the packet ends before it.
  const std::uint8_t* behind = nullptr;
  std::uint8_t npt = 0;         ///< 2.x over TCP/UDP
  std::uint8_t shim_byte3 = 0;  ///< 2.x: original protocol (NPT 2)
  std::uint16_t shim_word = 0;  ///< 2.x: original port (NPT 1)
};

/// A shim at `at`, as behind L4, VXLAN-GPE or GRE headers. kNotInt: there is none.
[[nodiscard]] IntResult read_int(const std::uint8_t* at, const std::uint8_t* end,
                                 IntCarrier carrier, const DecodeConfig& config,
                                 const Dialect& dialect, IntStack& stack) noexcept;

/// The data of a Geneve option, which has no shim; `type` (1 INT-MD, 2 destination, 3 INT-MX) and
/// `words`, the length of the data, are the option's own.
[[nodiscard]] IntResult read_int_option(const std::uint8_t* at, const std::uint8_t* end,
                                        unsigned type, unsigned words, const DecodeConfig& config,
                                        const Dialect& dialect, IntStack& stack) noexcept;

/// The MRI option of the P4 tutorials (IPv4 option 31): count 16, then switch id 32 and queue depth
/// 32 per hop, the newest first. `option` is whole.
[[nodiscard]] DecodeError read_mri(const std::uint8_t* option, IntStack& stack) noexcept;

}  // namespace hopscope::pipeline
