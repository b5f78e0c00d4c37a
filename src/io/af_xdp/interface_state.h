#pragma once
// What the kernel says about a network interface. Set-up and control code only.

#include <cstdint>
#include <optional>
#include <string>

namespace hopscope::io {

/// IFF_ flags; -1 when the interface is gone, 0 when they cannot be read.
[[nodiscard]] int interface_flags(const std::string& interface) noexcept;

/// Bytes; 0 when it cannot be read.
[[nodiscard]] std::uint32_t interface_mtu(const std::string& interface) noexcept;

/// A number of the interface in sysfs, e.g. "gro_flush_timeout". Empty where sysfs does not show
/// the interface: it belongs to the network namespace that it was mounted in.
[[nodiscard]] std::optional<std::uint64_t> interface_setting(const std::string& interface,
                                                             const std::string& name);

}  // namespace hopscope::io
