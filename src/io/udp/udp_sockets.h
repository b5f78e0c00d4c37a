#pragma once
// The UDP sockets of one worker: one per report port. Several workers share the ports by
// SO_REUSEPORT; the kernel then sends all datagrams of a sender to the same worker.

#include <cstdint>
#include <string>
#include <vector>

#include "io/options.h"

namespace hopscope::io {

class UdpSockets {
 public:
  /// Binds a socket per port. Throws SetupError.
  UdpSockets(const UdpOptions& options, const std::vector<std::uint16_t>& ports);
  UdpSockets(const UdpSockets&) = delete;
  UdpSockets& operator=(const UdpSockets&) = delete;
  ~UdpSockets();

  [[nodiscard]] std::size_t size() const noexcept { return sockets_.size(); }
  [[nodiscard]] int fd(std::size_t i) const noexcept { return sockets_[i].fd; }
  /// Report port of socket `i`, network order.
  [[nodiscard]] std::uint16_t port(std::size_t i) const noexcept { return sockets_[i].port; }

  /// Datagrams that the kernel dropped because the receive buffers were full.
  [[nodiscard]] std::uint64_t dropped() const noexcept;

  /// Why the receive buffer is smaller than configured; else empty.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  struct Socket {
    int fd = -1;
    std::uint16_t port = 0;
  };

  void open_one(const UdpOptions& options, std::uint16_t port);
  void set_buffer(int fd, std::uint64_t bytes);
  void close_all() noexcept;

  std::vector<Socket> sockets_;
  std::string reason_;
};

/// Throws SetupError if another process listens on one of the ports. Ports that workers share by
/// SO_REUSEPORT could also be shared by another process of the same user, which would then receive
/// a part of the reports.
void require_free_udp_ports(const UdpOptions& options, const std::vector<std::uint16_t>& ports);

}  // namespace hopscope::io
