// UDP sockets on the loopback interface: datagrams are received as frames with their addresses.

#include "io/udp/udp_source.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <set>
#include <span>
#include <thread>

#include "base/setup_error.h"
#include "io/udp/udp_sockets.h"
#include "pipeline/decode/decoder.h"

namespace hopscope::io {
namespace {

/// A port that no socket uses now.
std::uint16_t free_port() {
  const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  socklen_t bytes = sizeof any;
  getsockname(fd, reinterpret_cast<sockaddr*>(&any), &bytes);
  close(fd);
  return ntohs(any.sin6_port);
}

class Sender {
 public:
  explicit Sender(int family) : family_(family), fd_(socket(family, SOCK_DGRAM, 0)) {}
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  ~Sender() { close(fd_); }

  void send(std::uint16_t port, const std::string& payload) const {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    const auto* to = family_ == AF_INET ? reinterpret_cast<const sockaddr*>(&v4)
                                        : reinterpret_cast<const sockaddr*>(&v6);
    const socklen_t bytes = family_ == AF_INET ? sizeof v4 : sizeof v6;
    ASSERT_EQ(sendto(fd_, payload.data(), payload.size(), 0, to, bytes),
              static_cast<ssize_t>(payload.size()));
  }

 private:
  int family_;
  int fd_;
};

class UdpSourceTest : public testing::Test {
 protected:
  /// Payloads, each with its whole frame.
  using Received = std::multimap<std::string, std::vector<std::uint8_t>>;

  static void receive_all(FrameSource& source, std::size_t count, Received& to) {
    for (int idle = 0; to.size() < count && idle < 100;) {
      FrameBatch batch;
      if (source.receive(batch) == 0) {
        ++idle;
        source.wait(10);
        continue;
      }
      for (std::size_t i = 0; i < batch.count; ++i) {
        const std::span<const std::uint8_t> frame(batch.data[i], batch.length[i]);
        const std::size_t headers = frame[12] == 0x08 ? 42 : 62;
        to.emplace(std::string(frame.begin() + static_cast<long>(headers), frame.end()),
                   std::vector<std::uint8_t>(frame.begin(), frame.end()));
      }
      source.release(batch.handle.data(), batch.count);
    }
  }
};

TEST_F(UdpSourceTest, Datagram_of_either_ip_version_becomes_a_frame) {
  const std::uint16_t port = free_port();
  UdpSource source(UdpOptions{.buffers = 64}, {port}, 0);
  Sender(AF_INET).send(port, "over IPv4");
  Sender(AF_INET6).send(port, "over IPv6");
  Received received;
  receive_all(source, 2, received);
  ASSERT_EQ(received.size(), 2U);
  pipeline::DecodeConfig config;
  config.report_udp_port = {port};
  const pipeline::Decoder decoder(config);
  for (const auto& [payload, frame] : received) {
    pipeline::OuterHeaders outer;
    ASSERT_EQ(decoder.outer({frame.data(), frame.size()}, outer), pipeline::DecodeError::kNone);
    EXPECT_EQ(outer.payload.size(), payload.size());
    EXPECT_EQ(outer.destination_port, port);
    const bool ipv6 = payload == "over IPv6";
    EXPECT_EQ(outer.source.version, ipv6 ? 6 : 4);
    pipeline::IpAddress loopback{.version = static_cast<std::uint8_t>(ipv6 ? 6 : 4)};
    if (ipv6) {
      loopback.bytes[15] = 1;
    } else {
      loopback.bytes = {127, 0, 0, 1};
    }
    EXPECT_EQ(outer.source, loopback);
    EXPECT_EQ(outer.destination, loopback);
  }
}

TEST_F(UdpSourceTest, Datagrams_on_two_ports_through_few_buffers_all_arrive) {
  const std::uint16_t first = free_port();
  const std::uint16_t second = free_port();
  UdpSource source(UdpOptions{.buffers = 64}, {first, second}, 0);
  const Sender sender(AF_INET);
  Received received;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 50; ++i) {
      sender.send(i % 2 == 0 ? first : second, std::to_string(round) + "." + std::to_string(i));
    }
    receive_all(source, static_cast<std::size_t>(round + 1) * 50, received);
    const SourceStatistics now = source.statistics();
    EXPECT_EQ(now.frames_in_fill + now.frames_held, now.frames_total);
  }
  std::set<std::string> different;
  for (const auto& [payload, frame] : received) different.insert(payload);
  EXPECT_EQ(received.size(), 2000U);
  EXPECT_EQ(different.size(), 2000U);
  EXPECT_EQ(source.statistics().frames, 2000U);
}

TEST_F(UdpSourceTest, Receive_after_all_buffers_were_held_resumes) {
  const std::uint16_t port = free_port();
  UdpSource source(UdpOptions{.buffers = 64}, {port}, 0);
  const Sender sender(AF_INET);
  for (int i = 0; i < 100; ++i) sender.send(port, std::to_string(i));
  std::vector<FrameHandle> held;
  std::set<std::string> payloads;
  const auto receive_some = [&] {
    for (int idle = 0; idle < 20;) {
      FrameBatch batch;
      if (source.receive(batch) == 0) {
        ++idle;
        source.wait(5);
        continue;
      }
      for (std::size_t i = 0; i < batch.count; ++i) {
        held.push_back(batch.handle[i]);
        payloads.emplace(reinterpret_cast<const char*>(batch.data[i]) + 42,
                         reinterpret_cast<const char*>(batch.data[i]) + batch.length[i]);
      }
    }
  };
  receive_some();
  EXPECT_EQ(held.size(), 64U) << "all buffers, and not one twice";
  source.release(held.data(), held.size());
  held.clear();
  receive_some();
  EXPECT_EQ(payloads.size(), 100U) << "the rest waited in the socket";
  source.release(held.data(), held.size());
}

TEST_F(UdpSourceTest, Datagrams_beyond_the_socket_buffer_are_counted_as_lost) {
  const std::uint16_t port = free_port();
  UdpSource source(UdpOptions{.buffers = 64, .socket_buffer = 8192}, {port}, 0);
  const Sender sender(AF_INET);
  constexpr std::uint64_t kSent = 2000;
  for (std::uint64_t i = 0; i < kSent; ++i) sender.send(port, std::string(200, 'x'));
  Received received;
  receive_all(source, kSent, received);
  const SourceStatistics now = source.statistics();
  EXPECT_GT(now.lost, 0U);
  EXPECT_EQ(now.lost + received.size(), kSent);
}

TEST_F(UdpSourceTest, Datagram_longer_than_its_buffer_is_counted_as_lost) {
  const std::uint16_t port = free_port();
  UdpSource source(UdpOptions{.buffers = 64, .buffer_bytes = 256}, {port}, 0);
  const Sender sender(AF_INET);
  sender.send(port, "");
  sender.send(port, std::string(1000, 'x'));
  sender.send(port, "after");
  Received received;
  receive_all(source, 2, received);
  EXPECT_EQ(received.size(), 2U);
  EXPECT_EQ(received.count(""), 1U);
  EXPECT_EQ(received.count("after"), 1U);
  EXPECT_EQ(source.statistics().lost, 1U) << "the one that did not fit";
}

TEST(UdpSocketsTest, Port_in_use_is_refused_unless_shared) {
  const std::uint16_t port = free_port();
  require_free_udp_ports({}, {port});
  const UdpSockets first(UdpOptions{.shared = true}, {port});
  EXPECT_NO_THROW(UdpSockets(UdpOptions{.shared = true}, {port}));
  EXPECT_THROW(UdpSockets(UdpOptions{}, {port}), SetupError);
  EXPECT_THROW(require_free_udp_ports(UdpOptions{.shared = true}, {port}), SetupError);
}

TEST_F(UdpSourceTest, Address_of_another_host_is_refused_by_name) {
  try {
    const UdpSource source(UdpOptions{.listen = "192.0.2.1"}, {free_port()}, 0);
    FAIL() << "that address is not of this host";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find("192.0.2.1"), std::string::npos);
  }
}

#if defined(HOPSCOPE_ASSERTIONS)
TEST(UdpSourceDeathTest, Frame_released_twice_is_caught) {
  const std::uint16_t port = free_port();
  UdpSource source(UdpOptions{.buffers = 64}, {port}, 0);
  Sender(AF_INET).send(port, "x");
  FrameBatch batch;
  while (source.receive(batch) == 0) source.wait(10);
  source.release(batch.handle.data(), 1);
  EXPECT_DEATH(source.release(batch.handle.data(), 1), "assertion failed: frames <= held");
}
#endif

}  // namespace
}  // namespace hopscope::io
