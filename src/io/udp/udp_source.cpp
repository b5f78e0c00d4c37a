#include "io/udp/udp_source.h"

#include <utility>

#include "base/setup_error.h"
#include "io/udp/udp_mmsg_source.h"
#include "io/udp/udp_uring_source.h"

namespace hopscope::io {

std::unique_ptr<FrameSource> open_udp_source(const UdpOptions& options,
                                             const std::vector<std::uint16_t>& ports,
                                             unsigned queue, UdpMethod method) {
  if (method == UdpMethod::kRecvmmsg) {
    return std::make_unique<UdpMmsgSource>(options, ports, queue, "");
  }
  std::string why;
  auto ring = UdpRing::open(options, why);
  if (ring) return std::make_unique<UdpUringSource>(options, ports, queue, std::move(ring));
  if (method == UdpMethod::kUring) throw SetupError("no io_uring: " + why);
  return std::make_unique<UdpMmsgSource>(options, ports, queue, "no io_uring: " + why);
}

}  // namespace hopscope::io
