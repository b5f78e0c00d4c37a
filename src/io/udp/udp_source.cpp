#include "io/udp/udp_source.h"

#include <algorithm>

#include "base/assert.h"
#include "base/wall_clock.h"

namespace hopscope::io {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

UdpSource::UdpSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports,
                     unsigned queue)
    : listen_(options.listen),
      queue_(queue),
      buffers_(options.buffers),
      buffer_bytes_((options.buffer_bytes + kAlignment - 1) / kAlignment * kAlignment),
      sockets_(options, ports),
      arena_(new std::uint8_t[buffers_ * buffer_bytes_]()) {
  HOPSCOPE_ASSERT(buffers_ > 0 && buffer_bytes_ > kUdpHeaderRoom);
  free_.reserve(buffers_);
  for (std::size_t i = buffers_; i > 0; --i) free_.push_back(static_cast<std::uint32_t>(i - 1));
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    polled_.push_back({.fd = sockets_.fd(i), .events = POLLIN, .revents = 0});
  }
}

std::uint8_t* UdpSource::payload(std::size_t id) noexcept {
  HOPSCOPE_ASSERT(id < buffers_);
  return arena_.get() + id * buffer_bytes_ + kUdpHeaderRoom;
}

std::uint32_t UdpSource::next_free(std::size_t i) const noexcept {
  HOPSCOPE_ASSERT(i < free_.size());
  return free_[free_.size() - 1 - i];
}

bool UdpSource::conserves_buffers() const noexcept {
  return free_.size() + counters_.held() == buffers_;
}

std::size_t UdpSource::receive(FrameBatch& batch) noexcept {
  batch.count = 0;
  for (std::size_t tried = 0; tried < sockets_.size() && batch.count < kBatch; ++tried) {
    receive_from(next_socket_, batch);
    next_socket_ = (next_socket_ + 1) % sockets_.size();
  }
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < batch.count; ++i) bytes += batch.length[i];
  counters_.count_poll(batch.count, bytes);
  HOPSCOPE_ASSERT(conserves_buffers());
  if (batch.count == 0) return 0;
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = wall_ns();
  return batch.count;
}

void UdpSource::receive_from(std::size_t socket, FrameBatch& batch) noexcept {
  const std::size_t room = std::min(kBatch - batch.count, free_.size());
  if (room == 0) return;
  prepare(room);
  const int count = recvmmsg(sockets_.fd(socket), messages_.data(), static_cast<unsigned>(room),
                             MSG_DONTWAIT, nullptr);
  const std::size_t received = count > 0 ? static_cast<std::size_t>(count) : 0;
  HOPSCOPE_ASSERT(received <= room);
  for (std::size_t i = 0; i < received; ++i) ids_[i] = next_free(i);
  free_.resize(free_.size() - received);
  for (std::size_t i = 0; i < received; ++i) {
    if ((messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      truncated_.add(1);
      free_.push_back(ids_[i]);
    } else {
      append(batch, i, ids_[i], socket);
    }
  }
}

void UdpSource::prepare(std::size_t count) noexcept {
  HOPSCOPE_ASSERT(count <= kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    payloads_[i] = {.iov_base = payload(next_free(i)), .iov_len = buffer_bytes_ - kUdpHeaderRoom};
    messages_[i].msg_hdr = {.msg_name = &names_[i],
                            .msg_namelen = sizeof names_[i],
                            .msg_iov = &payloads_[i],
                            .msg_iovlen = 1,
                            .msg_control = controls_[i].bytes.data(),
                            .msg_controllen = kUdpControlBytes,
                            .msg_flags = 0};
  }
}

void UdpSource::append(FrameBatch& batch, std::size_t i, std::uint32_t id,
                       std::size_t socket) noexcept {
  HOPSCOPE_ASSERT(batch.count < kBatch);
  const std::size_t length = messages_[i].msg_len;
  HOPSCOPE_ASSERT(length <= buffer_bytes_ - kUdpHeaderRoom);
  UdpAddresses addresses = read_udp_addresses(&names_[i], messages_[i].msg_hdr);
  addresses.destination_port = sockets_.port(socket);
  const std::uint8_t* frame = write_udp_headers(payload(id), length, addresses);
  const std::size_t at = batch.count++;
  batch.data[at] = frame;
  batch.length[at] =
      static_cast<std::uint32_t>(static_cast<std::size_t>(payload(id) - frame) + length);
  batch.handle[at] = id;
}

void UdpSource::release(const FrameHandle* handles, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    HOPSCOPE_ASSERT(handles[i] < buffers_);
    free_.push_back(static_cast<std::uint32_t>(handles[i]));
  }
  counters_.count_release(count);
  HOPSCOPE_ASSERT(conserves_buffers());
}

void UdpSource::wait(int timeout_ms) noexcept {
  (void)poll(polled_.data(), polled_.size(), timeout_ms);
}

SourceStatistics UdpSource::statistics() const noexcept {
  SourceStatistics statistics = counters_.statistics();
  statistics.lost = sockets_.dropped() + truncated_.get();
  statistics.frames_total = buffers_;
  statistics.frames_in_fill = buffers_ - statistics.frames_held;
  return statistics;
}

SourceDescription UdpSource::description() const {
  return {.kind = "udp",
          .interface = listen_,
          .queue = queue_,
          .mode = "socket",
          .reason = sockets_.reason()};
}

}  // namespace hopscope::io
