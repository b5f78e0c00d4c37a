#include "io/udp/udp_mmsg_source.h"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace hopscope::io {

UdpMmsgSource::UdpMmsgSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports,
                             unsigned queue, std::string reason)
    : UdpSourceBase(options, ports, queue), reason_(std::move(reason)) {
  free_.reserve(buffers());
  for (std::size_t i = buffers(); i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
}

std::size_t UdpMmsgSource::receive(FrameBatch& batch) noexcept {
  batch.count = 0;
  for (std::size_t tried = 0; tried < sockets().size() && batch.count < kBatch; ++tried) {
    receive_from(next_socket_, batch);
    next_socket_ = (next_socket_ + 1) % sockets().size();
  }
  return finish(batch);
}

void UdpMmsgSource::receive_from(std::size_t socket, FrameBatch& batch) noexcept {
  const std::size_t room = std::min(kBatch - batch.count, free_.size());
  for (std::size_t i = 0; i < room; ++i) {
    // The buffers at the end of the free list, in the order in which they would be taken.
    const std::uint32_t id = free_[free_.size() - 1 - i];
    payloads_[i] = {.iov_base = buffer(id) + kUdpHeaderRoom,
                    .iov_len = buffer_bytes() - kUdpHeaderRoom};
    messages_[i].msg_hdr = {.msg_name = &names_[i],
                            .msg_namelen = sizeof names_[i],
                            .msg_iov = &payloads_[i],
                            .msg_iovlen = 1,
                            .msg_control = controls_[i].bytes.data(),
                            .msg_controllen = kUdpControlBytes,
                            .msg_flags = 0};
  }
  if (room == 0) return;
  const int count = recvmmsg(sockets().fd(socket), messages_.data(), static_cast<unsigned>(room),
                             MSG_DONTWAIT, nullptr);
  const std::size_t received = count > 0 ? static_cast<std::size_t>(count) : 0;
  for (std::size_t i = 0; i < received; ++i) taken_[i] = free_[free_.size() - 1 - i];
  free_.resize(free_.size() - received);
  for (std::size_t at = 0; at < received; ++at) {
    const std::uint32_t id = taken_[at];
    if ((messages_[at].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      count_cut();
      free_.push_back(id);
      continue;
    }
    append(batch, id, buffer(id) + kUdpHeaderRoom, messages_[at].msg_len,
           read_udp_addresses(&names_[at], messages_[at].msg_hdr), socket);
  }
}

void UdpMmsgSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) free_.push_back(static_cast<std::uint32_t>(handles[i]));
  gave_back(count);
}

void UdpMmsgSource::wait(int timeout_ms) noexcept {
  std::array<pollfd, 16> ready{};
  const std::size_t count = std::min(ready.size(), sockets().size());
  for (std::size_t i = 0; i < count; ++i) ready[i] = {sockets().fd(i), POLLIN, 0};
  (void)poll(ready.data(), count, timeout_ms);
}

SourceDescription UdpMmsgSource::description() const {
  SourceDescription description = UdpSourceBase::description();
  if (!reason_.empty()) {
    description.reason = description.reason.empty() ? reason_ : reason_ + "; " + description.reason;
  }
  return description;
}

}  // namespace hopscope::io
