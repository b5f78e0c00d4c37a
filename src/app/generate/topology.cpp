#include "app/generate/topology.h"

#include "app/generate/random.h"

namespace hopscope::app {

Topology::Topology(std::uint32_t switches, unsigned hops, std::uint64_t seed)
    : switches_(switches), hops_(hops), seed_(seed), tiers_((hops + 1) / 2) {
  // Each tier gets what one path needs (two switches, the top of an odd path one); the remaining
  // switches are distributed from the leaves up.
  const auto tier_count = static_cast<std::uint32_t>(tiers_.size());
  const std::uint32_t spare = switches - hops;
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < tier_count; ++i) {
    const std::uint32_t need = hops % 2 == 1 && i + 1 == tier_count ? 1 : 2;
    const std::uint32_t extra = spare / tier_count + (i < spare % tier_count ? 1 : 0);
    tiers_[i] = {.first = first, .count = need + extra};
    first += need + extra;
  }
}

SwitchPath Topology::path(std::uint32_t flow, std::uint32_t version) const {
  SwitchPath path{.count = hops_};
  for (unsigned up = 0; up < tiers_.size(); ++up) {
    const Tier& tier = tiers_[up];
    const unsigned down = hops_ - 1 - up;
    // The leaves are where the hosts are: no path version moves them.
    const std::uint64_t bits =
        hash_of(seed_ ^ 0x7061'7468, flow, (up == 0 ? 0 : version) * 64 + up);
    const std::uint32_t chosen = below(bits, tier.count);
    path.index[up] = static_cast<std::uint16_t>(tier.first + chosen);
    if (down == up) continue;
    const std::uint32_t step = 1 + below(mix(bits), tier.count - 1);
    path.index[down] = static_cast<std::uint16_t>(tier.first + (chosen + step) % tier.count);
  }
  return path;
}

bool Topology::has_alternatives() const noexcept {
  for (unsigned i = 1; i < tiers_.size(); ++i) {
    if (tiers_[i].count > 1) return true;
  }
  return false;
}

}  // namespace hopscope::app
