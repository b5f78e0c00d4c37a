#include "stamp_sender.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "base/setup_error.h"
#include "io/udp/udp_headers.h"
#include "receivers/stamped_source.h"

namespace hopscope::bench {

void send_stamps(const std::string& interface, unsigned count, unsigned mean_gap_us) {
  constexpr std::size_t kPayload = 100;
  constexpr std::uint16_t kPort = 32766;
  std::array<std::uint8_t, io::kUdpHeaderRoom + kPayload> memory{};
  io::UdpAddresses addresses;
  addresses.destination_port = htons(kPort);
  addresses.source.s6_addr[10] = addresses.source.s6_addr[11] = 0xFF;  // IPv4 0.0.0.0, mapped
  std::uint8_t* payload = memory.data() + io::kUdpHeaderRoom;
  const std::uint8_t* frame = io::write_udp_headers(payload, kPayload, addresses);
  const std::size_t length = static_cast<std::size_t>(payload - frame) + kPayload;

  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  std::memcpy(&storage, &to, sizeof to);
  std::mt19937 random{1};
  std::exponential_distribution<double> gap_us(1.0 / mean_gap_us);
  bool sent = fd >= 0;
  for (unsigned i = 0; i < count && sent; ++i) {
    std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(gap_us(random)));
    const std::int64_t now = monotonic_ns();
    std::memcpy(payload, &now, sizeof now);
    sent = sendto(fd, frame, length, 0, reinterpret_cast<const sockaddr*>(&storage), sizeof to) > 0;
  }
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!sent) throw SetupError(fmt::format("{}: {}", interface, std::strerror(error)));
}

}  // namespace hopscope::bench
