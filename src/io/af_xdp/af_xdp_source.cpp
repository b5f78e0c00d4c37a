#include "io/af_xdp/af_xdp_source.h"

#include <fmt/format.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "base/wall_clock.h"
#include "io/af_xdp/interface_state.h"

// Missing in older headers; the values are the kernel's ABI.
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

namespace hopscope::io {
namespace {

std::string join(const std::string& a, const std::string& b) {
  return a.empty() ? b : b.empty() ? a : a + "; " + b;
}

/// Slots for frames of several buffers: as many as can wait for other workers.
constexpr std::size_t kAssemblySlots = 256;

/// Limit of ring reads in one receive() that yield buffers but no whole frame.
constexpr int kMaxPartialPolls = 16;

/// Whether a frame of the interface's MTU may need more than one buffer.
bool wants_multi_buffer(const AfXdpOptions& options) noexcept {
  if (options.multi_buffer != MultiBuffer::kAuto) return options.multi_buffer == MultiBuffer::kOn;
  constexpr std::uint32_t kHeaders = 14 + 2 * 4;     // Ethernet, two VLAN tags
  constexpr std::uint32_t kHeadroom = 256;           // XDP_PACKET_HEADROOM
  constexpr std::uint32_t kPage = 4096 - 256 - 320;  // room for a frame in one page of a driver
  const std::uint32_t room = std::min(options.frame_bytes - kHeadroom, kPage);
  return interface_mtu(options.interface) + kHeaders > room;
}

/// What the interface lacks for preferred busy polling; empty if nothing, or if unknown.
std::string busy_poll_advice(const std::string& interface) {
  for (const char* name : {"napi_defer_hard_irqs", "gro_flush_timeout"}) {
    if (interface_setting(interface, name).value_or(1) == 0) {
      return fmt::format("busy polling competes with interrupts: {} of {} is 0", name, interface);
    }
  }
  return {};
}

}  // namespace

AfXdpSource::AfXdpSource(XdpProgram& program, unsigned queue, const AfXdpOptions& options)
    : interface_(options.interface),
      queue_(queue),
      native_(program.native()),
      socket_(program.interface_index(), queue, options,
              {.native = program.native(), .multi_buffer = program.multi_buffer()}),
      reason_(join(program.reason(), socket_.reason())) {
  if (options.busy_poll.enabled) ask_for_busy_poll(options.busy_poll);
  if (socket_.multi_buffer()) assembler_.emplace(kAssemblySlots);
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
  } else {
    reason_ = join(reason_, busy_poll_advice(interface_));
  }
}

void AfXdpSource::check_busy_poll() noexcept {
  // If the driver does not tell the kernel which NAPI serves the queue, the socket has none, and
  // the options have no effect.
  unsigned napi_id = 0;
  socklen_t bytes = sizeof napi_id;
  const bool known =
      getsockopt(socket_.fd(), SOL_SOCKET, SO_INCOMING_NAPI_ID, &napi_id, &bytes) == 0;
  if (!known || napi_id == 0) busy_poll_ = false;
  busy_poll_checked_ = true;
}

void AfXdpSource::append(const xdp_desc& descriptor, FrameBatch& batch) const noexcept {
  const Umem& umem = socket_.umem();
  HOPSCOPE_ASSERT(batch.count < kBatch);
  // The kernel stays within the UMEM; a descriptor outside means that the ring is read wrongly.
  HOPSCOPE_ASSERT(umem.contains(descriptor.addr, descriptor.len));
  batch.data[batch.count] = umem.base() + descriptor.addr;
  batch.length[batch.count] = descriptor.len;
  batch.handle[batch.count] = umem.frame_of(descriptor.addr);
  ++batch.count;
}

void AfXdpSource::take_frames(FrameBatch& batch) noexcept {
  socket_.rx().take(kBatch, [&](const xdp_desc& descriptor) { append(descriptor, batch); });
}

std::uint32_t AfXdpSource::take_buffers(FrameBatch& batch) noexcept {
  std::array<std::uint64_t, kBatch> copied;
  std::uint32_t count = 0;
  const std::uint32_t taken = socket_.rx().take(kBatch, [&](const xdp_desc& descriptor) {
    const bool ends = (descriptor.options & XDP_PKT_CONTD) == 0;
    if (ends && !assembler_->under_way()) {
      append(descriptor, batch);
      return;
    }
    // The rest of the frame may arrive with a later call.
    HOPSCOPE_ASSERT(count < kBatch && socket_.umem().contains(descriptor.addr, descriptor.len));
    assembler_->add(socket_.umem().base() + descriptor.addr, descriptor.len);
    copied[count++] = socket_.umem().frame_of(descriptor.addr);
    if (!ends) return;
    const FrameAssembler::Frame frame = assembler_->finish();
    if (frame.data == nullptr) return;
    batch.data[batch.count] = frame.data;
    batch.length[batch.count] = frame.length;
    batch.handle[batch.count] = frame.handle;
    ++batch.count;
  });
  if (count != 0) socket_.fill().offer(count, [&](std::uint32_t i) { return copied[i]; });
  return taken;
}

std::size_t AfXdpSource::receive(FrameBatch& batch) noexcept {
  batch.count = 0;
  if (assembler_) {
    // A read of the ring may end inside a frame, or yield only frames that are lost. Neither means
    // that the ring is empty.
    for (int i = 0; i < kMaxPartialPolls && take_buffers(batch) != 0 && batch.count == 0; ++i) {
    }
  } else {
    take_frames(batch);
  }
  const std::size_t count = batch.count;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += batch.length[i];
  counters_.count_poll(count, bytes);
  if (count == 0) {
    // Zero-copy drivers that ran out of frames, and busy polling, need a system call.
    if (busy_poll_.load(std::memory_order_relaxed) || socket_.fill().memory().needs_wakeup()) {
      counters_.count_wakeup();
      (void)recvfrom(socket_.fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
    }
    return 0;
  }
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = wall_ns();
  if (wants_busy_poll_ && !busy_poll_checked_.load(std::memory_order_relaxed)) check_busy_poll();
  return count;
}

void AfXdpSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  counters_.count_release(count);
  HOPSCOPE_ASSERT(std::all_of(handles, handles + count, [this](FrameHandle handle) {
    return FrameAssembler::is_assembled(handle) ? assembler_.has_value()
                                                : socket_.umem().is_frame(handle);
  }));
  if (!assembler_) {
    socket_.fill().offer(static_cast<std::uint32_t>(count),
                         [handles](std::uint32_t i) { return handles[i]; });
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (FrameAssembler::is_assembled(handles[i])) {
      assembler_->release(handles[i]);
    } else {
      socket_.fill().offer(1, [&](std::uint32_t) { return handles[i]; });
    }
  }
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
  if (assembler_) {
    statistics.multi_buffer_frames = assembler_->frames();
    statistics.multi_buffer_too_long = assembler_->too_long();
    statistics.multi_buffer_no_place = assembler_->no_slot();
    statistics.lost = statistics.multi_buffer_too_long + statistics.multi_buffer_no_place;
    statistics.frames_held -= std::min(statistics.frames_held, assembler_->held());
  }
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
                                .multi_buffer = socket_.multi_buffer(),
                                .reason = reason_};
  if (wants_busy_poll_ && busy_poll_checked_ && !busy_poll_) {
    description.reason =
        join(reason_, "busy polling is inactive: the driver does not report the queue's NAPI");
  }
  return description;
}

AfXdpInterface::AfXdpInterface(const AfXdpOptions& options, const std::vector<unsigned>& queues,
                               const Redirect& redirect)
    : interface_(options.interface),
      program_(options.interface, options.mode, redirect, wants_multi_buffer(options)) {
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
        fmt::format("the XDP program on {} was replaced or detached by another process; no "
                    "more reports are received from this interface",
                    interface_));
  }
  replaced_ = replaced;
  return changes;
}

}  // namespace hopscope::io
