#include "app/generate/send/link_query.h"

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <vector>

#include "base/setup_error.h"

namespace hopscope::io {
namespace {

using Bytes = std::span<const std::uint8_t>;

// The `netdev` family of generic netlink; Debian's kernel headers are older than it.
constexpr std::uint8_t kNetdevGetDevice = 1;
constexpr std::uint16_t kNetdevInterface = 1;
constexpr std::uint16_t kNetdevXdpFeatures = 3;
constexpr std::uint64_t kXdpCanTransmit = 1U << 2;

template <typename T>
T load(Bytes bytes) {
  T value{};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void append(std::vector<std::uint8_t>& to, const void* from, std::size_t bytes) {
  const auto* first = static_cast<const std::uint8_t*>(from);
  to.insert(to.end(), first, first + bytes);
  to.resize((to.size() + 3) / 4 * 4);
}

void append_attribute(std::vector<std::uint8_t>& to, std::uint16_t type, const void* value,
                      std::size_t bytes) {
  const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + bytes),
                      .nla_type = type};
  append(to, &header, sizeof header);
  append(to, value, bytes);
}

/// The value of the first attribute of that type; empty if there is none.
Bytes find_attribute(Bytes attributes, std::uint16_t type) {
  while (attributes.size() >= sizeof(nlattr)) {
    const auto header = load<nlattr>(attributes);
    if (header.nla_len < sizeof header || header.nla_len > attributes.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type) {
      return attributes.subspan(sizeof header, header.nla_len - sizeof header);
    }
    attributes = attributes.subspan(
        std::min<std::size_t>(attributes.size(), (std::size_t{header.nla_len} + 3) / 4 * 4));
  }
  return {};
}

/// Sends one request and returns the body of the first answer, or the (negative) error.
int ask(int protocol, std::uint16_t type, const std::vector<std::uint8_t>& body,
        std::vector<std::uint8_t>& answer) {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (socket < 0) return -errno;
  const nlmsghdr header{.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + body.size()),
                        .nlmsg_type = type,
                        .nlmsg_flags = NLM_F_REQUEST,
                        .nlmsg_seq = 1,
                        .nlmsg_pid = 0};
  std::vector<std::uint8_t> request;
  append(request, &header, sizeof header);
  request.insert(request.end(), body.begin(), body.end());
  answer.resize(65'536);
  ssize_t bytes = ::send(socket, request.data(), request.size(), 0);
  if (bytes >= 0) bytes = ::recv(socket, answer.data(), answer.size(), 0);
  const int error = bytes < 0 ? -errno : 0;
  ::close(socket);
  if (error != 0) return error;
  answer.resize(static_cast<std::size_t>(bytes));
  const auto reply = load<nlmsghdr>(answer);
  if (answer.size() < sizeof reply || reply.nlmsg_len > answer.size()) return -EPROTO;
  answer.resize(reply.nlmsg_len);
  answer.erase(answer.begin(), answer.begin() + sizeof reply);
  return reply.nlmsg_type == NLMSG_ERROR ? load<nlmsgerr>(answer).error : 0;
}

}  // namespace

Link query_link(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  ifinfomsg about{};
  about.ifi_family = AF_UNSPEC;
  about.ifi_index = static_cast<int>(index);
  std::vector<std::uint8_t> body;
  append(body, &about, sizeof about);
  std::vector<std::uint8_t> answer;
  const int error = index == 0 ? -ENODEV : ask(NETLINK_ROUTE, RTM_GETLINK, body, answer);
  if (error != 0) {
    throw SetupError(fmt::format("interface \"{}\": {}; `ip link` lists those that there are",
                                 interface, std::generic_category().message(-error)));
  }
  const auto info = load<ifinfomsg>(answer);
  const Bytes attributes = Bytes(answer).subspan(std::min(answer.size(), sizeof info));
  const auto counters = load<rtnl_link_stats64>(find_attribute(attributes, IFLA_STATS64));
  return {.index = index,
          .mtu = load<std::uint32_t>(find_attribute(attributes, IFLA_MTU)),
          .up = (info.ifi_flags & IFF_UP) != 0,
          .counters = {.rx_packets = counters.rx_packets,
                       .tx_packets = counters.tx_packets,
                       .rx_dropped = counters.rx_dropped,
                       .tx_dropped = counters.tx_dropped}};
}

std::optional<bool> takes_redirected_frames(unsigned interface_index) {
  const genlmsghdr find_family{.cmd = CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0};
  std::vector<std::uint8_t> body;
  std::vector<std::uint8_t> answer;
  append(body, &find_family, sizeof find_family);
  append_attribute(body, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof "netdev");
  if (ask(NETLINK_GENERIC, GENL_ID_CTRL, body, answer) != 0) return std::nullopt;
  if (answer.size() < sizeof find_family) return std::nullopt;
  const auto family = load<std::uint16_t>(
      find_attribute(Bytes(answer).subspan(sizeof find_family), CTRL_ATTR_FAMILY_ID));

  const genlmsghdr get_device{.cmd = kNetdevGetDevice, .version = 1, .reserved = 0};
  body.clear();
  append(body, &get_device, sizeof get_device);
  append_attribute(body, kNetdevInterface, &interface_index, sizeof interface_index);
  if (ask(NETLINK_GENERIC, family, body, answer) != 0) return std::nullopt;
  if (answer.size() < sizeof get_device) return std::nullopt;
  const Bytes features =
      find_attribute(Bytes(answer).subspan(sizeof get_device), kNetdevXdpFeatures);
  if (features.size() < sizeof(std::uint64_t)) return std::nullopt;
  return (load<std::uint64_t>(features) & kXdpCanTransmit) != 0;
}

}  // namespace hopscope::io
