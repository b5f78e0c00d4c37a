#pragma once
// UDP datagrams that the kernel has put together (UDP_GRO): one recvmmsg brings up to 64 messages
// of up to 64 datagrams each. For comparison with the collector's own sources.

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/frame_source.h"
#include "io/source_counters.h"
#include "io/udp/udp_headers.h"

namespace hopscope::bench {

class UdpGroSource final : public io::FrameSource {
 public:
  /// Every IPv4 address, one port. Throws SetupError.
  explicit UdpGroSource(std::uint16_t port);
  ~UdpGroSource() override;

  std::size_t receive(io::FrameBatch& batch) noexcept override;
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override;
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override;
  [[nodiscard]] io::SourceDescription description() const override;

 private:
  static constexpr std::size_t kMessages = 64;
  static constexpr std::size_t kMessageBytes = 65'536;
  static constexpr std::size_t kFrames = 1024;
  static constexpr std::size_t kFrameBytes = 2048;
  struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, io::kUdpControlBytes + CMSG_SPACE(sizeof(int))> bytes;
  };

  /// Takes messages from the socket; false when there is none.
  bool refill() noexcept;
  void append(io::FrameBatch& batch, const std::uint8_t* payload, std::size_t length) noexcept;

  const std::uint16_t port_;
  int fd_ = -1;
  std::unique_ptr<std::uint8_t[]> messages_;
  std::unique_ptr<std::uint8_t[]> frames_;
  std::vector<std::uint32_t> free_;
  std::array<mmsghdr, kMessages> headers_{};
  std::array<iovec, kMessages> payloads_{};
  std::array<sockaddr_in6, kMessages> names_{};
  std::array<Control, kMessages> controls_{};
  std::size_t received_ = 0;  ///< messages
  std::size_t message_ = 0;   ///< that is handed out
  std::size_t at_ = 0;        ///< bytes of it that were
  std::size_t segment_ = 0;   ///< bytes of its datagrams
  io::UdpAddresses addresses_;
  std::uint64_t bytes_ = 0;
  io::SourceCounters counters_;
};

}  // namespace hopscope::bench
