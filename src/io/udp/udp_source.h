#pragma once
// Reports through UDP sockets, for hosts where AF_XDP may not be used. io_uring fills buffers by
// multishot recvmsg while the worker works; where io_uring is forbidden, recvmmsg is called
// instead.

#include <cstdint>
#include <memory>
#include <vector>

#include "io/frame_source.h"
#include "io/options.h"

namespace hopscope::io {

/// How datagrams are taken from the sockets; kAuto is io_uring where it can be had.
enum class UdpMethod : std::uint8_t { kAuto, kUring, kRecvmmsg };

/// Opens the sockets of worker `queue` and the better of the two ways to read them. Throws
/// SetupError.
[[nodiscard]] std::unique_ptr<FrameSource> open_udp_source(const UdpOptions& options,
                                                           const std::vector<std::uint16_t>& ports,
                                                           unsigned queue,
                                                           UdpMethod method = UdpMethod::kAuto);

}  // namespace hopscope::io
