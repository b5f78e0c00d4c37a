#pragma once
// UDP datagrams by recvmmsg: one system call per batch.

#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "io/udp/udp_source_base.h"

namespace hopscope::io {

class UdpMmsgSource final : public UdpSourceBase {
 public:
  /// `reason`: why it is this one.
  UdpMmsgSource(const UdpOptions& options, const std::vector<std::uint16_t>& ports, unsigned queue,
                std::string reason);

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] SourceDescription description() const override;

 private:
  void receive_from(std::size_t socket, FrameBatch& batch) noexcept;

  const std::string reason_;
  std::vector<std::uint32_t> free_;
  std::array<std::uint32_t, kBatch> taken_{};
  std::size_t next_socket_ = 0;
  std::array<mmsghdr, kBatch> messages_{};
  std::array<iovec, kBatch> payloads_{};
  std::array<sockaddr_in6, kBatch> names_{};
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, kUdpControlBytes> bytes;
  };
  std::array<Control, kBatch> controls_{};
};

}  // namespace hopscope::io
