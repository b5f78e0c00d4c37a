#pragma once
// The way of a flow, for people and for labels.

#include <algorithm>
#include <cstdint>
#include <string>

#include "export/names/names.h"
#include "export/names/scale.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// "leaf1-spine-leaf2" from source to sink; "...-" in front where hops are missing.
[[nodiscard]] std::string path_text(const pipeline::Path& path, const Names& names);
[[nodiscard]] std::string path_text(const pipeline::FlowSnapshot& flow, const Names& names);

/// Calls visit(switch_id, seconds) for each switch of the way that has told a latency. A path may
/// have a loop: a switch comes once, with the sum of its hops, where the way first crosses it.
template <typename Visit>
void for_each_switch_latency(const pipeline::FlowSnapshot& flow, const Names& names,
                             const Visit& visit) {
  for (unsigned i = 0; i < flow.hop_count; ++i) {
    const std::uint32_t id = flow.hops[i].switch_id;
    const auto same = [id](const auto& other) { return other.switch_id == id; };
    if (std::any_of(flow.hops.begin(), flow.hops.begin() + i, same)) continue;
    double latency = 0;
    bool has_latency = false;
    for (unsigned k = i; k < flow.hop_count; ++k) {
      if (!same(flow.hops[k]) || !flow.hops[k].has_latency) continue;
      latency += flow.hops[k].latency;
      has_latency = true;
    }
    if (has_latency) visit(id, scaled(latency, names.profile(id).latency_unit_s));
  }
}

}  // namespace hopscope::exporter
