#include "io/udp/udp_sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/setup_error.h"

namespace hopscope::io {
namespace {

/// An address to bind to, of either family.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t bytes = 0;
  int family = AF_UNSPEC;
};

Endpoint endpoint(const std::string& address, std::uint16_t port) {
  Endpoint to;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&to.address, &v4, sizeof v4);
    to.bytes = sizeof v4;
    to.family = AF_INET;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&to.address, &v6, sizeof v6);
    to.bytes = sizeof v6;
    to.family = AF_INET6;
  } else {
    throw SetupError(fmt::format("receive.udp.listen: {} is not an IP address", address));
  }
  return to;
}

bool set(int fd, int level, int option, int value) noexcept {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

UdpSockets::UdpSockets(const UdpOptions& options, const std::vector<std::uint16_t>& ports) {
  try {
    for (const std::uint16_t port : ports) open_one(options, port);
  } catch (...) {
    close_all();
    throw;
  }
}

UdpSockets::~UdpSockets() {
  close_all();
}

void UdpSockets::close_all() noexcept {
  for (const Socket& one : sockets_) close(one.fd);
  sockets_.clear();
}

void UdpSockets::open_one(const UdpOptions& options, std::uint16_t port) {
  const Endpoint at = endpoint(options.listen, port);
  const int fd = socket(at.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw SetupError(fmt::format("cannot open a UDP socket: {}", std::strerror(errno)));
  sockets_.push_back({.fd = fd, .port = htons(port)});
  const bool ready = !options.shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  const bool gives_destination =
      at.family == AF_INET6
          ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) && set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)
          : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  if (!ready || !gives_destination) {
    throw SetupError(fmt::format("cannot prepare a UDP socket: {}", std::strerror(errno)));
  }
  set_buffer(fd, options.socket_buffer);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at.address), at.bytes) != 0) {
    throw SetupError(
        fmt::format("cannot listen on UDP {} port {}: {}; `ss -lunp` shows which process uses it",
                    options.listen, port, std::strerror(errno)));
  }
}

void UdpSockets::set_buffer(int fd, std::uint64_t bytes) {
  const auto wanted = static_cast<int>(std::min<std::uint64_t>(
      bytes, static_cast<std::uint64_t>(std::numeric_limits<int>::max()) / 2));
  if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted)) return;
  set(fd, SOL_SOCKET, SO_RCVBUF, wanted);
  int got = 0;
  socklen_t size = sizeof got;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size);
  // The kernel doubles what is asked for, for its own bookkeeping.
  if (got / 2 < wanted && reason_.empty()) {
    reason_ =
        fmt::format("receive buffer {} instead of {} bytes: net.core.rmem_max or CAP_NET_ADMIN",
                    got / 2, wanted);
  }
}

void require_free_udp_ports(const UdpOptions& options, const std::vector<std::uint16_t>& ports) {
  UdpOptions alone = options;
  alone.shared = false;
  const UdpSockets sockets(alone, ports);
}

std::uint64_t UdpSockets::dropped() const noexcept {
  std::uint64_t total = 0;
  for (const Socket& one : sockets_) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    if (getsockopt(one.fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) == 0) {
      total += info[SK_MEMINFO_DROPS];
    }
  }
  return total;
}

}  // namespace hopscope::io
