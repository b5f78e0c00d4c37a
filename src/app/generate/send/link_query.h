#pragma once
// Questions to the kernel about a network interface, by netlink: sysfs shows the namespace that it
// was mounted in, netlink the caller's. Set-up and control code only.

#include <cstdint>
#include <optional>
#include <string>

namespace hopscope::io {

struct LinkCounters {
  std::uint64_t rx_packets = 0;
  std::uint64_t tx_packets = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_dropped = 0;
};

struct Link {
  unsigned index = 0;
  unsigned mtu = 0;
  bool up = false;
  LinkCounters counters;
};

/// Throws SetupError when there is no such interface.
[[nodiscard]] Link query_link(const std::string& interface);

/// Whether the driver takes frames that XDP redirects to it. Empty where the kernel does not say
/// (before 6.3).
[[nodiscard]] std::optional<bool> takes_redirected_frames(unsigned interface_index);

}  // namespace hopscope::io
