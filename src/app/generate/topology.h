#pragma once
// The network that the reports come from: a folded Clos of tiers, tier 0 being the leaves. A packet
// of H hops goes up through the tiers and down again; which switches it takes is a fixed function
// of its flow and of the flow's path version.

#include <array>
#include <cstdint>
#include <vector>

namespace hopscope::app {

inline constexpr unsigned kMaxPathHops = 16;

/// Switches by index, [0] at the source.
struct SwitchPath {
  unsigned count = 0;
  std::array<std::uint16_t, kMaxPathHops> index{};

  friend bool operator==(const SwitchPath&, const SwitchPath&) = default;
};

class Topology {
 public:
  /// `switches` >= `hops`.
  Topology(std::uint32_t switches, unsigned hops, std::uint64_t seed);

  [[nodiscard]] SwitchPath path(std::uint32_t flow, std::uint32_t version) const;

  /// Whether a flow has more than one path.
  [[nodiscard]] bool has_alternatives() const noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return switches_; }
  [[nodiscard]] static std::uint32_t switch_id(std::uint32_t index) noexcept { return 1 + index; }

  /// Ports are numbered by what is at their other end: switches first, then hosts.
  [[nodiscard]] static std::uint32_t port_to_switch(std::uint32_t index) noexcept {
    return 1 + index;
  }
  [[nodiscard]] std::uint32_t port_to_host(std::uint32_t host) const noexcept {
    return 1 + switches_ + host % kHostPorts;
  }
  [[nodiscard]] std::uint32_t port_count() const noexcept { return 1 + switches_ + kHostPorts; }

 private:
  static constexpr std::uint32_t kHostPorts = 16;

  struct Tier {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  std::uint32_t switches_;
  unsigned hops_;
  std::uint64_t seed_;
  std::vector<Tier> tiers_;
};

}  // namespace hopscope::app
