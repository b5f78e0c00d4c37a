#pragma once
// Reports through UDP sockets, for hosts that do not allow AF_XDP: recvmmsg, one system call for up
// to kBatch datagrams of a socket. docs/receiving.md says what this costs and why it is not
// io_uring.
//
// receive(), release() and wait() are called by the worker only.

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/counter.h"
#include "io/frame_source.h"
#include "io/options.h"
#include "io/source_counters.h"
#include "io/udp/udp_headers.h"
#include "io/udp/udp_sockets.h"

namespace hopscope::io {

class UdpSource final : public FrameSource {
 public:
  /// Opens a socket per port for the worker of `queue`. Throws SetupError.
  UdpSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports, unsigned queue);

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return buffers_; }
  [[nodiscard]] SourceStatistics statistics() const noexcept override;
  [[nodiscard]] SourceDescription description() const override;

 private:
  [[nodiscard]] std::uint8_t* payload(std::size_t id) noexcept;
  /// The buffer that the `i`th datagram of the next call gets.
  [[nodiscard]] std::uint32_t next_free(std::size_t i) const noexcept;
  void receive_from(std::size_t socket, FrameBatch& batch) noexcept;
  /// Points the first `count` messages to free buffers.
  void prepare(std::size_t count) noexcept;
  /// Appends message `i`, which is in buffer `id`, as a frame.
  void append(FrameBatch& batch, std::size_t i, std::uint32_t id, std::size_t socket) noexcept;
  /// Every buffer is either free or held by the worker.
  [[nodiscard]] bool conserves_buffers() const noexcept;

  const std::string listen_;
  const unsigned queue_;
  const std::size_t buffers_;
  const std::size_t buffer_bytes_;
  UdpSockets sockets_;
  std::vector<pollfd> polled_;
  std::unique_ptr<std::uint8_t[]> arena_;
  std::vector<std::uint32_t> free_;
  std::size_t next_socket_ = 0;

  // Arguments of recvmmsg, one element per datagram.
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, kUdpControlBytes> bytes;
  };
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> payloads_{};
  std::array<sockaddr_in6, kBatch> names_{};
  std::array<Control, kBatch> controls_{};
  std::array<std::uint32_t, kBatch> ids_{};

  SourceCounters counters_;
  Counter truncated_;  ///< datagrams longer than their buffer
};

}  // namespace hopscope::io
