#pragma once
// What is known of a segment without reading it.

#include <cstdint>

namespace hopscope::exporter {

struct Segment {
  std::uint64_t name = 0;
  std::uint32_t salt = 0;
  std::uint64_t first = 0;  ///< numbers of its whole records
  std::uint64_t last = 0;
  std::uint64_t bytes = 0;  ///< to the end of the last whole record
  std::int64_t oldest_ns = 0;
  std::int64_t newest_ns = 0;
};

}  // namespace hopscope::exporter
