#include "io/af_xdp/xsk_socket.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/assert.h"
#include "base/setup_error.h"

namespace hopscope::io {
namespace {

[[noreturn]] void fail(const char* what, const char* advice = "") {
  throw SetupError(fmt::format("AF_XDP: {}: {}{}", what, std::strerror(errno), advice));
}

void set_option(int fd, int option, const void* value, socklen_t bytes, const char* what) {
  if (setsockopt(fd, SOL_XDP, option, value, bytes) != 0) fail(what);
}

RingMemory ring_memory(void* map, const xdp_ring_offset& offset, std::uint32_t size) {
  auto* bytes = static_cast<std::uint8_t*>(map);
  HOPSCOPE_ASSERT(std::has_single_bit(size));
  const auto word = [bytes](std::uint64_t at) {
    return reinterpret_cast<std::uint32_t*>(bytes + at);
  };
  return {.producer = word(offset.producer),
          .consumer = word(offset.consumer),
          .flags = word(offset.flags),
          .entries = bytes + offset.desc,
          .size = size};
}

std::string zero_copy_reason(int error) {
  switch (error) {
    case EOPNOTSUPP:
      return "the driver has no zero-copy";
    case EINVAL:
      return "the driver refuses zero-copy with these settings";
    default:
      return std::string("zero-copy bind: ") + std::strerror(error);
  }
}

/// A combination of modes to bind with.
struct Attempt {
  bool zero_copy;
  bool multi_buffer;
};

/// In order of preference: losing large frames is worse than copying all frames.
std::vector<Attempt> attempts(ZeroCopy zero_copy, const XskSocket::Program& program) {
  const bool may_not_copy = zero_copy != ZeroCopy::kOff && program.native;
  const bool may_copy = zero_copy != ZeroCopy::kRequire;
  std::vector<Attempt> attempts;
  for (const bool multi_buffer : {true, false}) {
    if (multi_buffer && !program.multi_buffer) continue;
    if (may_not_copy) attempts.push_back({.zero_copy = true, .multi_buffer = multi_buffer});
    if (may_copy) attempts.push_back({.zero_copy = false, .multi_buffer = multi_buffer});
  }
  return attempts;
}

}  // namespace

XskSocket::XskSocket(unsigned interface_index, unsigned queue, const AfXdpOptions& options,
                     Program program)
    : umem_(options.frames, options.frame_bytes, options.huge_pages) {
  fd_ = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    fail("cannot make a socket",
         errno == EPERM ? "; it needs CAP_NET_RAW" : "; is CONFIG_XDP_SOCKETS in this kernel?");
  }
  try {
    register_umem();
    map_rings(options.frames, options.frames);
    // All frames are in the fill ring before the socket is bound.
    fill_->offer(umem_.frames(),
                 [this](std::uint32_t i) { return std::uint64_t{i} * umem_.frame_bytes(); });
    bind_to(interface_index, queue, options, program);
  } catch (...) {
    close_all();
    throw;
  }
}

XskSocket::~XskSocket() {
  close_all();
}

void XskSocket::close_all() noexcept {
  if (rx_map_ != nullptr) munmap(rx_map_, rx_map_bytes_);
  if (fill_map_ != nullptr) munmap(fill_map_, fill_map_bytes_);
  if (fd_ >= 0) close(fd_);
}

void XskSocket::register_umem() {
  const xdp_umem_reg registration{.addr = reinterpret_cast<std::uintptr_t>(umem_.base()),
                                  .len = umem_.bytes(),
                                  .chunk_size = umem_.frame_bytes(),
                                  .headroom = 0,
                                  .flags = 0};
  if (setsockopt(fd_, SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration) != 0) {
    fail("cannot register frame memory",
         errno == ENOBUFS || errno == EPERM ? "; raise the locked memory limit (ulimit -l)" : "");
  }
}

void XskSocket::map_rings(std::uint32_t rx_entries, std::uint32_t fill_entries) {
  // The kernel requires a completion ring even though nothing is sent.
  constexpr std::uint32_t kCompletionEntries = 2;
  set_option(fd_, XDP_UMEM_FILL_RING, &fill_entries, sizeof fill_entries, "fill ring");
  set_option(fd_, XDP_UMEM_COMPLETION_RING, &kCompletionEntries, sizeof kCompletionEntries,
             "completion ring");
  set_option(fd_, XDP_RX_RING, &rx_entries, sizeof rx_entries, "RX ring");

  xdp_mmap_offsets offsets{};
  socklen_t bytes = sizeof offsets;
  if (getsockopt(fd_, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &bytes) != 0) fail("ring offsets");
  const auto map = [this](std::size_t size, std::uint64_t offset) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                        static_cast<off_t>(offset));
    if (memory == MAP_FAILED) fail("cannot map a ring");
    return memory;
  };
  rx_map_bytes_ = offsets.rx.desc + std::size_t{rx_entries} * sizeof(xdp_desc);
  rx_map_ = map(rx_map_bytes_, XDP_PGOFF_RX_RING);
  fill_map_bytes_ = offsets.fr.desc + std::size_t{fill_entries} * sizeof(std::uint64_t);
  fill_map_ = map(fill_map_bytes_, XDP_UMEM_PGOFF_FILL_RING);
  rx_ = std::make_unique<RxRing>(ring_memory(rx_map_, offsets.rx, rx_entries));
  fill_ = std::make_unique<FillRing>(ring_memory(fill_map_, offsets.fr, fill_entries));
}

int XskSocket::try_bind(unsigned interface_index, unsigned queue, unsigned flags) const {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = static_cast<std::uint16_t>(flags | XDP_USE_NEED_WAKEUP);
  address.sxdp_ifindex = interface_index;
  address.sxdp_queue_id = queue;
  // The kernel frees the buffer pool of an earlier socket some time after that was closed.
  constexpr auto kPatience = std::chrono::seconds(2);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
    if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) return errno;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void XskSocket::bind_to(unsigned interface_index, unsigned queue, const AfXdpOptions& options,
                        Program program) {
  int error = 0;
  int zero_copy_error = 0;
  for (const Attempt& attempt : attempts(options.zero_copy, program)) {
    error = try_bind(
        interface_index, queue,
        (attempt.zero_copy ? XDP_ZEROCOPY : XDP_COPY) | (attempt.multi_buffer ? XDP_USE_SG : 0U));
    multi_buffer_ = error == 0 && attempt.multi_buffer;
    if (attempt.zero_copy) zero_copy_error = error;
    // Another socket on the queue blocks every mode.
    if (error == 0 || error == EBUSY) break;
  }
  if (options.zero_copy != ZeroCopy::kOff) {
    if (!program.native) {
      reason_ = "zero-copy needs the program in the driver, and it runs as generic XDP";
    } else if (zero_copy_error != 0) {
      reason_ = zero_copy_reason(zero_copy_error);
    }
  }
  if (options.zero_copy == ZeroCopy::kRequire && !reason_.empty()) {
    throw SetupError(
        fmt::format("AF_XDP: queue {} of {}: {}; set receive.zero_copy to prefer to go on without "
                    "it",
                    queue, options.interface, reason_));
  }
  if (error != 0) {
    throw SetupError(fmt::format("AF_XDP: cannot bind to queue {} of {}: {}{}", queue,
                                 options.interface, std::strerror(error),
                                 error == EBUSY ? "; another program has a socket on this queue"
                                 : error == EINVAL
                                     ? "; does the interface have that queue (ethtool -l)?"
                                     : ""));
  }
  if (program.multi_buffer && !multi_buffer_) {
    reason_ += fmt::format(
        "{}frames larger than one buffer are lost: kernel or driver cannot "
        "receive them into AF_XDP",
        reason_.empty() ? "" : "; ");
  }
  xdp_options reached{};
  socklen_t bytes = sizeof reached;
  if (getsockopt(fd_, SOL_XDP, XDP_OPTIONS, &reached, &bytes) != 0) fail("mode of the socket");
  zero_copy_ = (reached.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

}  // namespace hopscope::io
