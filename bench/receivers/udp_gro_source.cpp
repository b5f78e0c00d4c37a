#include "udp_gro_source.h"

#include <fmt/format.h>
#include <netinet/udp.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/setup_error.h"

namespace hopscope::bench {
namespace {

/// Bytes of a datagram in a message that the kernel put together; 0: it is a single one.
std::size_t segment_of(msghdr& message) noexcept {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level != SOL_UDP || control->cmsg_type != UDP_GRO) continue;
    int bytes = 0;
    std::memcpy(&bytes, CMSG_DATA(control), sizeof bytes);
    return static_cast<std::size_t>(bytes);
  }
  return 0;
}

}  // namespace

UdpGroSource::UdpGroSource(std::uint16_t port)
    : port_(htons(port)),
      messages_(new std::uint8_t[kMessages * kMessageBytes]()),
      frames_(new std::uint8_t[kFrames * kFrameBytes]()) {
  for (std::uint32_t i = 0; i < kFrames; ++i) free_.push_back(i);
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  const int buffer = 64 << 20;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port_;
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  const bool ready = fd_ >= 0 &&
                     setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) == 0 &&
                     setsockopt(fd_, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) == 0 &&
                     setsockopt(fd_, SOL_UDP, UDP_GRO, &on, sizeof on) == 0 &&
                     bind(fd_, reinterpret_cast<const sockaddr*>(&storage), sizeof address) == 0;
  if (ready) return;
  const int error = errno;
  if (fd_ >= 0) close(fd_);
  throw SetupError(fmt::format("UDP_GRO on port {}: {}", port, std::strerror(error)));
}

UdpGroSource::~UdpGroSource() {
  close(fd_);
}

bool UdpGroSource::refill() noexcept {
  for (std::size_t i = 0; i < kMessages; ++i) {
    payloads_[i] = {.iov_base = messages_.get() + i * kMessageBytes, .iov_len = kMessageBytes};
    headers_[i].msg_hdr = {.msg_name = &names_[i],
                           .msg_namelen = sizeof names_[i],
                           .msg_iov = &payloads_[i],
                           .msg_iovlen = 1,
                           .msg_control = controls_[i].bytes.data(),
                           .msg_controllen = controls_[i].bytes.size(),
                           .msg_flags = 0};
  }
  const int count = recvmmsg(fd_, headers_.data(), kMessages, MSG_DONTWAIT, nullptr);
  received_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  message_ = 0;
  at_ = 0;
  return received_ != 0;
}

void UdpGroSource::append(io::FrameBatch& batch, const std::uint8_t* payload,
                          std::size_t length) noexcept {
  // The datagrams of a message follow each other without room for headers: they are copied.
  const std::uint32_t id = free_.back();
  free_.pop_back();
  std::uint8_t* to = frames_.get() + id * kFrameBytes + io::kUdpHeaderRoom;
  std::memcpy(to, payload, length);
  const std::uint8_t* frame = io::write_udp_headers(to, length, addresses_);
  batch.data[batch.count] = frame;
  batch.length[batch.count] =
      static_cast<std::uint32_t>(static_cast<std::size_t>(to - frame) + length);
  batch.handle[batch.count] = id;
  bytes_ += batch.length[batch.count];
  ++batch.count;
}

std::size_t UdpGroSource::receive(io::FrameBatch& batch) noexcept {
  batch.count = 0;
  while (batch.count < io::kBatch && !free_.empty()) {
    if (message_ == received_ && (batch.count != 0 || !refill())) break;
    mmsghdr& message = headers_[message_];
    if (at_ == 0) {
      addresses_ = io::read_udp_addresses(&names_[message_], message.msg_hdr);
      addresses_.destination_port = port_;
      segment_ = segment_of(message.msg_hdr);
      if (segment_ == 0) segment_ = message.msg_len;
    }
    const std::size_t length = std::min<std::size_t>(segment_, message.msg_len - at_);
    const bool fits = length <= kFrameBytes - io::kUdpHeaderRoom;
    if (fits) append(batch, messages_.get() + message_ * kMessageBytes + at_, length);
    at_ += length;
    if (at_ < message.msg_len) continue;
    ++message_;
    at_ = 0;
  }
  counters_.count_poll(batch.count, std::exchange(bytes_, 0));
  if (batch.count == 0) return 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return batch.count;
}

void UdpGroSource::release(const io::FrameHandle* handles, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) free_.push_back(static_cast<std::uint32_t>(handles[i]));
  counters_.count_release(count);
}

void UdpGroSource::wait(int timeout_ms) noexcept {
  pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
  (void)poll(&ready, 1, timeout_ms);
}

std::size_t UdpGroSource::capacity() const noexcept {
  return kFrames;
}

io::SourceStatistics UdpGroSource::statistics() const noexcept {
  return counters_.statistics();
}

io::SourceDescription UdpGroSource::description() const {
  return {.kind = "udp_gro", .interface = "", .mode = "socket", .reason = ""};
}

}  // namespace hopscope::bench
