#pragma once
// UDP datagrams by io_uring: one multishot recvmsg per socket stays armed, and the kernel puts each
// datagram into the next buffer that the worker has given it.

#include <liburing.h>

#include <memory>
#include <string>
#include <vector>

#include "io/udp/udp_source_base.h"

namespace hopscope::io {

/// The ring and its group of buffers.
class UdpRing {
 public:
  /// Null where the kernel does not allow it or is too old (6.1 is needed); then `why` says so.
  [[nodiscard]] static std::unique_ptr<UdpRing> open(const UdpOptions& options, std::string& why);
  UdpRing(const UdpRing&) = delete;
  UdpRing& operator=(const UdpRing&) = delete;
  ~UdpRing();

  /// The calling thread becomes the one that uses the ring.
  void enable() noexcept;
  [[nodiscard]] io_uring& ring() noexcept { return ring_; }

  void add_buffer(std::uint8_t* memory, std::size_t bytes, std::uint16_t id,
                  std::size_t place) noexcept;
  /// Makes the last `count` added buffers known to the kernel.
  void publish(std::size_t count) noexcept;

 private:
  UdpRing() = default;
  [[nodiscard]] std::string set_up(unsigned buffers);

  io_uring ring_{};
  bool ring_open_ = false;
  io_uring_buf_ring* buffers_ = nullptr;
  std::size_t buffers_bytes_ = 0;
  int mask_ = 0;
};

class UdpUringSource final : public UdpSourceBase {
 public:
  UdpUringSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports, unsigned queue,
                 std::unique_ptr<UdpRing> ring);
  ~UdpUringSource() override;

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] SourceDescription description() const override;

 private:
  void arm() noexcept;
  void put_back(std::size_t id) noexcept;
  void take(const io_uring_cqe& completion, FrameBatch& batch) noexcept;

  std::unique_ptr<UdpRing> ring_;
  msghdr shape_{};  ///< how much room name and control messages get in each buffer
  std::vector<bool> armed_;
  bool enabled_ = false;
  bool starved_ = false;  ///< the kernel ran out of buffers and disarmed the sockets
};

}  // namespace hopscope::io
