#pragma once
// Frames by AF_PACKET with TPACKET_V3: the kernel copies them into blocks of a ring that is mapped.
// For comparison with the collector's own sources.

#include <cstdint>
#include <string>
#include <vector>

#include "io/frame_source.h"
#include "io/source_counters.h"

namespace hopscope::bench {

class TpacketSource final : public io::FrameSource {
 public:
  /// UDP frames over IPv4 to `port` that arrive at the interface. Throws SetupError.
  TpacketSource(const std::string& interface, std::uint16_t port);
  ~TpacketSource() override;

  std::size_t receive(io::FrameBatch& batch) noexcept override;
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override;
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override;
  [[nodiscard]] io::SourceDescription description() const override;

 private:
  void open(std::uint16_t port);
  [[nodiscard]] std::uint8_t* block(std::size_t i) const noexcept;
  [[nodiscard]] bool enter_block() noexcept;
  void leave_block() noexcept;
  void give_back(std::size_t block) noexcept;

  const std::string interface_;
  int fd_ = -1;
  std::uint8_t* ring_ = nullptr;
  std::vector<std::uint32_t> held_;  ///< frames of each block that are out, and 1 while it is read
  std::size_t block_ = 0;            ///< that is read, or comes next
  const std::uint8_t* next_ = nullptr;
  std::uint32_t left_ = 0;  ///< frames of it
  bool inside_ = false;
  io::SourceCounters counters_;
};

}  // namespace hopscope::bench
