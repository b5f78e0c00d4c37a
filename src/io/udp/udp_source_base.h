#pragma once
// What both UDP sources share: sockets, buffers, counters.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/frame_source.h"
#include "io/options.h"
#include "io/source_counters.h"
#include "io/udp/udp_headers.h"
#include "io/udp/udp_sockets.h"

namespace hopscope::io {

class UdpSourceBase : public FrameSource {
 public:
  UdpSourceBase(const UdpOptions& options, const std::vector<std::uint16_t>& ports, unsigned queue);

  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return buffers_; }
  [[nodiscard]] SourceStatistics statistics() const noexcept override;
  [[nodiscard]] SourceDescription description() const override;

 protected:
  [[nodiscard]] std::uint8_t* buffer(std::size_t id) noexcept {
    return arena_.get() + id * buffer_bytes_;
  }
  [[nodiscard]] UdpSockets& sockets() noexcept { return sockets_; }
  [[nodiscard]] std::size_t buffers() const noexcept { return buffers_; }
  [[nodiscard]] std::size_t buffer_bytes() const noexcept { return buffer_bytes_; }
  [[nodiscard]] std::uint64_t held() const noexcept { return counters_.held(); }

  /// Appends the datagram in buffer `id` as a frame.
  void append(FrameBatch& batch, std::size_t id, std::uint8_t* payload, std::size_t length,
              UdpAddresses addresses, std::size_t socket) noexcept;
  /// A datagram was longer than its buffer: half a report is none.
  void count_cut() noexcept { cut_.add(1); }
  /// Counts a poll and stamps the batch.
  std::size_t finish(FrameBatch& batch) noexcept;
  void gave_back(std::size_t count) noexcept { counters_.count_release(count); }
  void count_wakeup() noexcept { counters_.count_wakeup(); }

 private:
  const std::string listen_;
  const unsigned queue_;
  const std::size_t buffers_;
  const std::size_t buffer_bytes_;
  UdpSockets sockets_;
  std::unique_ptr<std::uint8_t[]> arena_;
  std::uint64_t batch_bytes_ = 0;
  SourceCounters counters_;
  Counter cut_;
};

}  // namespace hopscope::io
