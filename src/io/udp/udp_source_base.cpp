#include "io/udp/udp_source_base.h"

#include <time.h>

#include <utility>

namespace hopscope::io {
namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

UdpSourceBase::UdpSourceBase(const UdpOptions& options, const std::vector<std::uint16_t>& ports,
                             unsigned queue)
    : listen_(options.listen),
      queue_(queue),
      buffers_(options.buffers),
      buffer_bytes_((options.buffer_bytes + kAlignment - 1) / kAlignment * kAlignment),
      sockets_(options, ports),
      arena_(new std::uint8_t[buffers_ * buffer_bytes_]()) {}

void UdpSourceBase::append(FrameBatch& batch, std::size_t id, std::uint8_t* payload,
                           std::size_t length, UdpAddresses addresses,
                           std::size_t socket) noexcept {
  addresses.destination_port = sockets_.port(socket);
  const std::uint8_t* frame = write_udp_headers(payload, length, addresses);
  const std::size_t i = batch.count++;
  batch.data[i] = frame;
  batch.length[i] = static_cast<std::uint32_t>(static_cast<std::size_t>(payload - frame) + length);
  batch.handle[i] = id;
  batch_bytes_ += batch.length[i];
}

std::size_t UdpSourceBase::finish(FrameBatch& batch) noexcept {
  counters_.count_poll(batch.count, std::exchange(batch_bytes_, 0));
  if (batch.count == 0) return 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  batch.frame_time_ns = nullptr;
  batch.receive_time_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  return batch.count;
}

SourceStatistics UdpSourceBase::statistics() const noexcept {
  SourceStatistics statistics = counters_.statistics();
  statistics.lost = sockets_.dropped() + cut_.get();
  statistics.frames_total = buffers_;
  statistics.frames_in_fill = buffers_ - statistics.frames_held;
  return statistics;
}

SourceDescription UdpSourceBase::description() const {
  return {.kind = "udp",
          .interface = listen_,
          .queue = queue_,
          .mode = "socket",
          .reason = sockets_.reason()};
}

}  // namespace hopscope::io
