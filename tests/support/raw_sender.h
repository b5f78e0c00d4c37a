#pragma once
// Sends single frames out of an interface, for tests. Needs CAP_NET_RAW.

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace hopscope::test {

class RawSender {
 public:
  explicit RawSender(const std::string& interface)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
        index_(static_cast<int>(::if_nametoindex(interface.c_str()))) {}
  RawSender(const RawSender&) = delete;
  RawSender& operator=(const RawSender&) = delete;
  ~RawSender() { ::close(socket_); }

  void send(std::span<const std::uint8_t> frame) const {
    sockaddr_storage storage{};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = index_;
    std::memcpy(&storage, &to, sizeof to);
    const ssize_t sent = ::sendto(socket_, frame.data(), frame.size(), 0,
                                  reinterpret_cast<const sockaddr*>(&storage), sizeof to);
    if (sent != static_cast<ssize_t>(frame.size())) {
      ADD_FAILURE() << "send: " << std::strerror(errno);
    }
  }

 private:
  int socket_;
  int index_;
};

}  // namespace hopscope::test
