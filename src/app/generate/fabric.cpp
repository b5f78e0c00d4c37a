#include "app/generate/fabric.h"

#include <algorithm>

namespace hopscope::app {
namespace {

constexpr std::uint32_t kQueues = 4;
constexpr std::uint64_t kLinkNs = 500;
/// A queue is congested from this part of the peak on.
constexpr double kCongested = 0.5;

std::uint64_t place(std::uint32_t switch_index, std::uint32_t port) {
  return static_cast<std::uint64_t>(switch_index) << 32 | port;
}

}  // namespace

Fabric::Fabric(const TrafficOptions& options, const Topology& topology)
    : seed_(options.seed ^ 0x6661'6272'6963ULL),
      share_(options.congestion),
      period_ns_(options.congestion_period_us * 1000),
      topology_(topology) {}

double Fabric::congestion(std::uint32_t switch_index, std::uint32_t port,
                          std::uint64_t time_ns) const {
  if (share_ <= 0) return 0;
  const std::uint64_t where = place(switch_index, port);
  const std::uint64_t shifted = time_ns + hash_of(seed_, where) % period_ns_;
  const std::uint64_t episode = shifted / period_ns_;
  if (unit(hash_of(seed_, where, episode + 1)) >= share_) return 0;
  const double part = static_cast<double>(shifted % period_ns_) / static_cast<double>(period_ns_);
  return part < 0.5 ? 2 * part : 2 - 2 * part;
}

void Fabric::measure_hop(HopValues& hop, std::uint32_t flow, std::uint64_t time_ns,
                         Random& random) const {
  const std::uint64_t bits = hash_of(seed_, place(hop.switch_index, hop.egress_port), 0);
  const double level = congestion(hop.switch_index, hop.egress_port, time_ns);
  const auto ramp = [&](std::uint32_t peak) {
    return static_cast<std::uint32_t>(level * static_cast<double>(peak));
  };
  const std::uint32_t noise = random.below(32);
  pipeline::Metadata& values = hop.metadata;
  hop.congested = level > kCongested;
  values = {};
  values.node_id = Topology::switch_id(hop.switch_index);
  values.queue_id = below(hash_of(seed_, flow, 1), kQueues);
  values.queue_occupancy = noise + ramp(4000 + below(bits, 4000));
  values.hop_latency = 600 + below(bits, 400) + noise + ramp(60'000);
  values.tx_utilization = 10 + below(mix(bits), 40) + noise % 4 + ramp(45);
  values.buffer_id = 0;
  values.buffer_occupancy = 2 * values.queue_occupancy;
  values.congestion_queue_id = values.queue_id;
  values.queue_congestion = ramp(100);
  values.checksum_complement = static_cast<std::uint32_t>(mix(bits + flow)) & 0x7FFF'FFFF;
}

void Fabric::measure(const SwitchPath& path, std::uint32_t flow, std::uint64_t time_ns,
                     Random& random, std::vector<HopValues>& hops) const {
  hops.resize(path.count);
  std::uint64_t leaves_at = time_ns;
  for (unsigned i = path.count; i-- > 0;) {
    HopValues& hop = hops[i];
    const bool first = i == 0;
    const bool last = i + 1 == path.count;
    hop.switch_index = path.index[i];
    hop.egress_port =
        last ? topology_.port_to_host(static_cast<std::uint32_t>(hash_of(seed_, flow, 2) & 0xFFFF))
             : Topology::port_to_switch(path.index[i + 1]);
    measure_hop(hop, flow, leaves_at, random);
    pipeline::Metadata& values = hop.metadata;
    values.l1_egress_if = hop.egress_port;
    values.l1_ingress_if =
        first ? topology_.port_to_host(static_cast<std::uint32_t>(hash_of(seed_, flow, 3) & 0xFFFF))
              : Topology::port_to_switch(path.index[i - 1]);
    values.l2_ingress_if = 0x1'0000 + values.l1_ingress_if;
    values.l2_egress_if = 0x1'0000 + values.l1_egress_if;
    values.egress_time = leaves_at;
    values.ingress_time = leaves_at - values.hop_latency;
    leaves_at = values.ingress_time - kLinkNs;
  }
}

}  // namespace hopscope::app
