#pragma once
// A link between two switches whose clocks agree: egress port of one, ingress port of the next.

#include <array>
#include <cstdint>

#include "base/single_writer.h"

namespace hopscope::pipeline {

struct alignas(kCacheLine) LinkRow {
  std::uint32_t sequence;
  std::uint32_t from_switch;
  std::uint32_t from_port;
  std::uint32_t to_switch;
  std::uint32_t to_port;
  std::uint32_t last_s;
  std::uint64_t latency_ns;
  std::int64_t last_seen_ns;  ///< receive time; 0: the row was erased
  std::array<std::uint64_t, 3> unused;
};
static_assert(sizeof(LinkRow) == kCacheLine);

}  // namespace hopscope::pipeline
