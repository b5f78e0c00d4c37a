#pragma once
// The values that the switches of the model would measure: latency, queue occupancy, utilisation
// and time of every hop of a packet, and the congestion episodes of the ports. Nothing is stored:
// everything is a function of the seed, the place and the time, plus a little noise.

#include <cstdint>
#include <vector>

#include "app/generate/options.h"
#include "app/generate/random.h"
#include "app/generate/topology.h"
#include "pipeline/report/metadata.h"

namespace hopscope::app {

struct HopValues {
  std::uint16_t switch_index = 0;
  std::uint32_t egress_port = 0;
  bool congested = false;
  pipeline::Metadata metadata;
};

class Fabric {
 public:
  Fabric(const TrafficOptions& options, const Topology& topology);

  /// All hops of a packet of `flow`, [0] at the source, that leaves the last switch at `time_ns`.
  void measure(const SwitchPath& path, std::uint32_t flow, std::uint64_t time_ns, Random& random,
               std::vector<HopValues>& hops) const;

 private:
  /// Congestion of the port: 0 outside an episode, 1 at its peak.
  [[nodiscard]] double congestion(std::uint32_t switch_index, std::uint32_t port,
                                  std::uint64_t time_ns) const;
  void measure_hop(HopValues& hop, std::uint32_t flow, std::uint64_t time_ns, Random& random) const;

  std::uint64_t seed_;
  double share_;
  std::uint64_t period_ns_;
  const Topology& topology_;
};

}  // namespace hopscope::app
