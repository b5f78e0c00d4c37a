#pragma once
// An engine that knows every flow of some traffic already.

#include <algorithm>
#include <array>

#include "frame_ring.h"
#include "pipeline/worker/engine.h"
#include "traffic.h"

namespace hopscope::bench {

/// The defaults, with tables that hold the traffic.
[[nodiscard]] inline pipeline::EngineOptions engine_options(const TrafficOptions& traffic) {
  pipeline::EngineOptions options;
  const std::uint32_t flows = traffic.flows + traffic.flows / 8 + 64;
  const bool is_ipv6 = traffic.format == Format::kIpv6;
  options.tables.flows_ipv4 = is_ipv6 ? 64 : flows;
  options.tables.flows_ipv6 = is_ipv6 ? flows : 64;
  // The owners of keys have room for 4 measurements a port, and each has a utilization and 8
  // queues.
  options.tables.ports = 3 * Traffic::kSwitches * Traffic::kPorts;
  options.tables.idle_timeout_s = 3600;
  return options;
}

/// Throws away what the exporter would take.
inline void drain_events(pipeline::Engine& engine) {
  static std::array<pipeline::Event, 256> events;
  while (engine.take_events(events) != 0) {
  }
}

/// One report of every flow.
inline void make_known(pipeline::Engine& engine, FrameRing& ring, Traffic& traffic) {
  const std::uint32_t flows = traffic.options().flows;
  for (std::uint32_t known = 0; known < flows;) {
    const auto frames =
        static_cast<std::uint32_t>(std::min<std::size_t>(ring.size(), flows - known));
    ring.fill(frames, [&](std::size_t i, std::uint8_t* frame) {
      return traffic.write(known + static_cast<std::uint32_t>(i), frame);
    });
    while (engine.run_inline() != 0) drain_events(engine);
    known += frames;
  }
  drain_events(engine);
}

}  // namespace hopscope::bench
