#include "io/af_xdp_source.h"

#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// Newer than Debian's headers are in general; the values are the kernel's ABI.
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

namespace hopscope::io {
namespace {

std::int64_t wall_clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::string join(const std::string& a, const std::string& b) {
  return a.empty() ? b : b.empty() ? a : a + "; " + b;
}

/// IFF_ flags of an interface, or -1 when it is gone.
int interface_flags(const std::string& interface) noexcept {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  const int result = ioctl(fd, SIOCGIFFLAGS, &request);
  const bool gone = result != 0 && errno == ENODEV;
  close(fd);
  if (gone) return -1;
  return result == 0 ? request.ifr_flags : 0;
}

}  // namespace

AfXdpSource::AfXdpSource(XdpProgram& program, unsigned queue, const AfXdpOptions& options)
    : interface_(options.interface),
      queue_(queue),
      native_(program.native()),
      socket_(program.interface_index(), queue, options, program.native()),
      reason_(join(program.reason(), socket_.reason())) {
  if (options.busy_poll.enabled) ask_for_busy_poll(options.busy_poll);
  program.add_socket(queue, socket_.fd());
}

void AfXdpSource::ask_for_busy_poll(const BusyPollOptions& options) {
  const int on = 1;
  const auto timeout = static_cast<int>(options.timeout_us);
  const auto budget = static_cast<int>(options.budget);
  const auto set = [this](int option, const int& value) {
    return setsockopt(socket_.fd(), SOL_SOCKET, option, &value, sizeof value) == 0;
  };
  wants_busy_poll_ = set(SO_PREFER_BUSY_POLL, on) && set(SO_BUSY_POLL, timeout) &&
                     set(SO_BUSY_POLL_BUDGET, budget);
  busy_poll_ = wants_busy_poll_;
  if (!wants_busy_poll_) {
    reason_ = join(reason_, fmt::format("no busy polling: {}", std::strerror(errno)));
  }
}

void AfXdpSource::check_busy_poll() noexcept {
  // Drivers that do not tell the kernel which NAPI serves a queue leave the socket without one, and
  // then the options have no effect.
  unsigned napi_id = 0;
  socklen_t bytes = sizeof napi_id;
  const bool known =
      getsockopt(socket_.fd(), SOL_SOCKET, SO_INCOMING_NAPI_ID, &napi_id, &bytes) == 0;
  if (!known || napi_id == 0) busy_poll_ = false;
  busy_poll_checked_ = true;
}

std::size_t AfXdpSource::receive(FrameBatch& batch) noexcept {
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  const Umem& umem = socket_.umem();
  socket_.rx().take(kBatch, [&](const xdp_desc& descriptor) {
    batch.data[count] = umem.base() + descriptor.addr;
    batch.length[count] = descriptor.len;
    batch.handle[count] = umem.frame_of(descriptor.addr);
    bytes += descriptor.len;
    ++count;
  });
  batch.count = count;
  counters_.count_poll(count, bytes);
  if (count == 0) {
    // Zero-copy drivers that ran out of frames, and busy polling, wait for a call.
    if (busy_poll_.load(std::memory_order_relaxed) || socket_.fill().memory().needs_wakeup()) {
      counters_.count_wakeup();
      (void)recvfrom(socket_.fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
    }
    return 0;
  }
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = wall_clock_ns();
  if (wants_busy_poll_ && !busy_poll_checked_.load(std::memory_order_relaxed)) check_busy_poll();
  return count;
}

void AfXdpSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  socket_.fill().offer(static_cast<std::uint32_t>(count),
                       [handles](std::uint32_t i) { return handles[i]; });
  counters_.count_release(count);
}

void AfXdpSource::wait(int timeout_ms) noexcept {
  pollfd ready{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
  (void)poll(&ready, 1, timeout_ms);
}

SourceStatistics AfXdpSource::statistics() const noexcept {
  SourceStatistics statistics = counters_.statistics();
  statistics.frames_total = socket_.umem().frames();
  statistics.frames_in_fill = socket_.fill().memory().filled();
  statistics.frames_in_rx = socket_.rx().memory().filled();
  xdp_statistics kernel{};
  socklen_t bytes = sizeof kernel;
  if (getsockopt(socket_.fd(), SOL_XDP, XDP_STATISTICS, &kernel, &bytes) == 0) {
    statistics.xsk_rx_dropped = kernel.rx_dropped;
    statistics.xsk_rx_invalid_descs = kernel.rx_invalid_descs;
    statistics.xsk_tx_invalid_descs = kernel.tx_invalid_descs;
    statistics.xsk_rx_ring_full = kernel.rx_ring_full;
    statistics.xsk_rx_fill_ring_empty_descs = kernel.rx_fill_ring_empty_descs;
    statistics.xsk_tx_ring_empty_descs = kernel.tx_ring_empty_descs;
  }
  return statistics;
}

SourceDescription AfXdpSource::description() const {
  SourceDescription description{.kind = "af_xdp",
                                .interface = interface_,
                                .queue = queue_,
                                .mode = native_ ? "native" : "generic",
                                .zero_copy = socket_.zero_copy(),
                                .huge_pages = socket_.umem().pages() == PageKind::kHuge,
                                .busy_poll = busy_poll_,
                                .reason = reason_};
  if (wants_busy_poll_ && busy_poll_checked_ && !busy_poll_) {
    description.reason =
        join(reason_, "busy polling is inactive: the driver does not name the queue's NAPI");
  }
  return description;
}

AfXdpInterface::AfXdpInterface(const AfXdpOptions& options, const std::vector<unsigned>& queues,
                               const Redirect& redirect)
    : interface_(options.interface), program_(options.interface, options.mode, redirect) {
  for (const unsigned queue : queues) {
    sources_.push_back(std::make_unique<AfXdpSource>(program_, queue, options));
  }
}

std::vector<std::string> AfXdpInterface::check() {
  std::vector<std::string> changes;
  if (gone_) return changes;
  const int flags = interface_flags(interface_);
  if (flags < 0 || if_nametoindex(interface_.c_str()) != program_.interface_index()) {
    gone_ = true;
    for (const auto& source : sources_) source->set_gone();
    changes.push_back(fmt::format("interface {} is gone; restart when it is back", interface_));
    return changes;
  }
  const bool up = (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
  if (up != link_up_) {
    link_up_ = up;
    changes.push_back(fmt::format("link of {} is {}", interface_, up ? "up again" : "down"));
  }
  const bool replaced = !program_.attached();
  if (replaced && !replaced_) {
    changes.push_back(
        fmt::format("the XDP program on {} was replaced or detached by another user of XDP; no "
                    "report comes from "
                    "it any more",
                    interface_));
  }
  replaced_ = replaced;
  return changes;
}

}  // namespace hopscope::io
