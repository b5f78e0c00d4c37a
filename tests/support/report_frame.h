#pragma once
// A plain report frame for tests in which the contents of frames do not matter.

#include <cstdint>
#include <vector>

#include "pipeline/encode/encode.h"

namespace hopscope::test {

/// Report 1.0 with `number` as its sequence number.
inline std::vector<std::uint8_t> report_frame(std::uint32_t number,
                                              pipeline::encode::Outer outer = {}) {
  pipeline::encode::ByteWriter out;
  pipeline::encode::Report10 report{.switch_id = 7, .sequence = number};
  report.flags.tracked = true;
  put_frame(out, outer, report);
  return {out.bytes().begin(), out.bytes().end()};
}

/// The number that report_frame was given.
inline std::uint32_t number_of(std::span<const std::uint8_t> frame, std::size_t payload = 42) {
  std::uint32_t number = 0;
  for (std::size_t i = payload + 8; i < payload + 12; ++i) number = number << 8 | frame[i];
  return number;
}

}  // namespace hopscope::test
