#pragma once
// A network namespace of the test's own with a veth pair in it, for tests that send real frames.
// The calling thread moves into the namespace for good; it goes away with the process. Needs root.

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace hopscope::test {

/// Returns why it is not possible, or nothing.
inline std::string enter_veth_namespace(const std::string& here, const std::string& there) {
  if (::unshare(CLONE_NEWNET) != 0) return "no network namespace (needs CAP_SYS_ADMIN)";
  const std::string commands = "sysctl -qw net.ipv6.conf.default.disable_ipv6=1; ip link add " +
                               here + " type veth peer name " + there + " && ip link set " + here +
                               " up && ip link set " + there + " up && ethtool -K " + there +
                               " gro on";
  return std::system(commands.c_str()) == 0 ? "" : "cannot make a veth pair (ip, ethtool)";
}

/// Receives everything that arrives at an interface.
class ArrivalSocket {
 public:
  explicit ArrivalSocket(const std::string& interface)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    const int bytes = 512 << 20;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    sockaddr_storage storage{};
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = static_cast<std::uint16_t>((ETH_P_ALL << 8) | (ETH_P_ALL >> 8));
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    std::memcpy(&storage, &address, sizeof address);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&storage), sizeof address) != 0) {
      ADD_FAILURE() << "bind to " << interface << ": " << std::strerror(errno);
    }
  }
  ArrivalSocket(const ArrivalSocket&) = delete;
  ArrivalSocket& operator=(const ArrivalSocket&) = delete;
  ~ArrivalSocket() { ::close(socket_); }

  /// Gives every frame that arrives to `visit` until `sending` is false and nothing is left.
  template <typename Visitor>
  void drain(const std::atomic<bool>& sending, const Visitor& visit) const {
    std::vector<std::uint8_t> buffer(4096);
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    while (true) {
      const bool last_round = !sending;
      while (::poll(&waiting, 1, 50) == 1) {
        const ssize_t bytes = ::recv(socket_, buffer.data(), buffer.size(), MSG_TRUNC);
        if (bytes < 0) return;
        visit(std::vector<std::uint8_t>(buffer.begin(), buffer.begin() + bytes));
      }
      if (last_round) return;
    }
  }

 private:
  int socket_;
};

}  // namespace hopscope::test
