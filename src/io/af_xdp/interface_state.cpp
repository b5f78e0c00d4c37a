#include "io/af_xdp/interface_state.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace hopscope::io {
namespace {

/// 0 or an errno.
int ask(const std::string& interface, unsigned long what, ifreq& request) noexcept {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  const int error = ioctl(fd, what, &request) == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

int interface_flags(const std::string& interface) noexcept {
  ifreq request{};
  const int error = ask(interface, SIOCGIFFLAGS, request);
  if (error == ENODEV) return -1;
  return error == 0 ? request.ifr_flags : 0;
}

std::uint32_t interface_mtu(const std::string& interface) noexcept {
  ifreq request{};
  if (ask(interface, SIOCGIFMTU, request) != 0) return 0;
  return static_cast<std::uint32_t>(request.ifr_mtu);
}

std::optional<std::uint64_t> interface_setting(const std::string& interface,
                                               const std::string& name) {
  std::ifstream file("/sys/class/net/" + interface + "/" + name);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

}  // namespace hopscope::io
