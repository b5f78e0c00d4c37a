#include "app/generate/send/packet_socket_sender.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>

#include "app/generate/send/link_query.h"
#include "base/setup_error.h"

namespace hopscope::io {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
/// Behind by more than this, the schedule is moved on instead of sending a burst.
constexpr std::uint64_t kLateNs = 20'000'000;

std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

void sleep_ns(std::uint64_t duration) {
  const timespec time{.tv_sec = static_cast<time_t>(duration / kSecond),
                      .tv_nsec = static_cast<long>(duration % kSecond)};
  ::nanosleep(&time, nullptr);
}

}  // namespace

PacketSocketSender::PacketSocketSender(std::span<const FrameTemplate> templates,
                                       const SendOptions& options)
    : templates_(templates), options_(options), frames_(kBatch * kMaxTemplateBytes) {
  if (templates.empty()) throw SetupError("there is no frame to be sent");
  lengths_.resize(kBatch);
  const Link link = query_link(options.interface);
  if (!link.up) {
    throw SetupError(fmt::format("interface {} is down; `ip link set {} up`", options.interface,
                                 options.interface));
  }
  for (const FrameTemplate& frame : templates) {
    if (frame.bytes.size() > kMaxTemplateBytes || frame.bytes.size() > link.mtu + 22) {
      throw SetupError(fmt::format("a frame of {} bytes does not fit the MTU of {}, which is {}",
                                   frame.bytes.size(), options.interface, link.mtu));
    }
  }
  // Protocol 0: the socket receives nothing.
  socket_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(link.index);
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  if (socket_ < 0 ||
      ::bind(socket_, reinterpret_cast<const sockaddr*>(&storage), sizeof address) != 0) {
    const int error = errno;
    if (socket_ >= 0) ::close(socket_);
    throw SetupError(fmt::format("packet socket on {}: {}; it needs CAP_NET_RAW", options.interface,
                                 std::generic_category().message(error)));
  }
  // Past the queueing discipline, whose drops nobody would hear of.
  const int bypass = 1;
  ::setsockopt(socket_, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass);
}

PacketSocketSender::~PacketSocketSender() {
  ::close(socket_);
}

std::size_t PacketSocketSender::frames_due(std::uint64_t elapsed_ns, SendResult& result) {
  std::uint64_t due = kBatch;
  if (options_.rate != 0) {
    if (elapsed_ns > pace_ns_ + kLateNs + (result.sent - pace_base_) * kSecond / options_.rate) {
      pace_ns_ = elapsed_ns;
      pace_base_ = result.sent;
      ++result.late;
    }
    const std::uint64_t scheduled =
        pace_base_ + 1 +
        static_cast<std::uint64_t>(static_cast<double>(elapsed_ns - pace_ns_) *
                                   static_cast<double>(options_.rate) / 1e9);
    due = scheduled > result.sent ? std::min<std::uint64_t>(kBatch, scheduled - result.sent) : 0;
  }
  if (options_.count != 0) due = std::min(due, options_.count - result.sent);
  return static_cast<std::size_t>(due);
}

void PacketSocketSender::render_batch(std::size_t count, std::uint64_t elapsed_ns) {
  for (std::size_t i = 0; i < count; ++i) {
    const FrameTemplate& frame = templates_[next_];
    render(frame, lap_, static_cast<std::int64_t>(elapsed_ns), options_.move_times,
           std::span(frames_).subspan(i * kMaxTemplateBytes, frame.bytes.size()));
    lengths_[i] = frame.bytes.size();
    if (++next_ == templates_.size()) {
      next_ = 0;
      ++lap_;
    }
  }
}

void PacketSocketSender::transmit(std::size_t count, SendResult& result) {
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {.iov_base = &frames_[i * kMaxTemplateBytes], .iov_len = lengths_[i]};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::size_t done = 0;
  while (done < count) {
    const int sent = ::sendmmsg(socket_, &messages[done], static_cast<unsigned>(count - done), 0);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      result.taken += static_cast<std::uint64_t>(sent);
    } else if (errno == ENOBUFS || errno == EAGAIN) {
      ++done;  // the driver's queue is full: this frame is lost
      ++result.refused;
    } else if (errno != EINTR) {
      throw SetupError(fmt::format("sending on {}: {}", options_.interface,
                                   std::generic_category().message(errno)));
    }
  }
  result.sent += count;
}

SendResult PacketSocketSender::send(const std::atomic<bool>& stop) {
  pin_to_cpu(options_.cpu);
  SendResult result;
  const LinkCounters before = query_link(options_.interface).counters;
  const std::uint64_t start = now_ns();
  std::uint64_t last = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    const std::uint64_t elapsed = now_ns() - start;
    if (options_.count != 0 && result.sent == options_.count) break;
    if (options_.duration_ns != 0 && elapsed >= options_.duration_ns) break;
    const std::size_t due = frames_due(elapsed, result);
    if (due == 0) {
      sleep_ns(std::min<std::uint64_t>(kSecond / options_.rate, kSecond / 10));
      continue;
    }
    render_batch(due, elapsed);
    transmit(due, result);
    last = now_ns() - start;
  }
  const LinkCounters after = query_link(options_.interface).counters;
  result.seconds = static_cast<double>(last) / 1e9;
  result.interface_tx_packets = after.tx_packets - before.tx_packets;
  result.interface_tx_dropped = after.tx_dropped - before.tx_dropped;
  return result;
}

}  // namespace hopscope::io
