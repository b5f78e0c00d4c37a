#pragma once
// Where frames come from: AF_XDP, a UDP socket or a capture file behind one interface. One virtual
// call per batch, none per frame. All calls but statistics() and description() are made by the one
// worker that owns the source.

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/frame_batch.h"

namespace hopscope::io {

/// What a source counts about itself. Monotonic but for the four frame counts; read by the control
/// and exporter threads while the worker goes on.
struct SourceStatistics {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t polls = 0;         ///< calls of receive()
  std::uint64_t empty_polls = 0;   ///< ... that brought nothing
  std::uint64_t full_batches = 0;  ///< ... that brought kBatch frames
  std::uint64_t wakeups = 0;       ///< system calls made to wake the driver
  /// Frames that the source itself had to lose before anybody saw them: buffers ran out, or it was
  /// longer than one.
  std::uint64_t lost = 0;
  /// Frames of several buffers that were put together, and those that are in `lost` because they
  /// were longer than kMaxAssembledBytes, or because all places for such frames were held.
  std::uint64_t multi_buffer_frames = 0;
  std::uint64_t multi_buffer_too_long = 0;
  std::uint64_t multi_buffer_no_place = 0;

  /// XDP_STATISTICS of an AF_XDP socket (linux/if_xdp.h); zero elsewhere.
  std::uint64_t xsk_rx_dropped = 0;
  std::uint64_t xsk_rx_invalid_descs = 0;
  std::uint64_t xsk_tx_invalid_descs = 0;
  std::uint64_t xsk_rx_ring_full = 0;
  std::uint64_t xsk_rx_fill_ring_empty_descs = 0;
  std::uint64_t xsk_tx_ring_empty_descs = 0;

  /// Frame conservation: in_fill + in_rx + held = total, for sources that own frame memory. A
  /// frame of several buffers was copied out of it and is not counted as held.
  std::uint64_t frames_total = 0;
  std::uint64_t frames_in_fill = 0;
  std::uint64_t frames_in_rx = 0;
  std::uint64_t frames_held = 0;
};

/// What a source turned out to be; fixed once it is open.
struct SourceDescription {
  std::string kind;       ///< "af_xdp", "udp" or "pcap"
  std::string interface;  ///< network interface, or the file's path
  unsigned queue = 0;
  std::string mode;  ///< "native", "generic", "socket" or "file"
  bool zero_copy = false;
  bool huge_pages = false;
  bool busy_poll = false;
  bool multi_buffer = false;  ///< frames larger than one buffer are taken
  std::string reason;         ///< why it is not the best mode that was asked for; empty if it is
};

class FrameSource {
 public:
  FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;
  virtual ~FrameSource() = default;

  /// Takes up to kBatch frames without waiting; returns their number (batch.count).
  virtual std::size_t receive(FrameBatch& batch) noexcept = 0;

  /// Gives `count` frames back. Order does not matter; each handle exactly once.
  virtual void release(const FrameHandle* handles, std::size_t count) noexcept = 0;

  /// Sleeps until frames may be there, at most `timeout_ms`.
  virtual void wait(int timeout_ms) noexcept = 0;

  /// No frame will ever come again: the end of a capture, or the interface is gone.
  [[nodiscard]] virtual bool exhausted() const noexcept = 0;

  /// How many frames may be out of the source's hands at once.
  [[nodiscard]] virtual std::size_t capacity() const noexcept = 0;

  [[nodiscard]] virtual SourceStatistics statistics() const noexcept = 0;
  [[nodiscard]] virtual SourceDescription description() const = 0;
};

}  // namespace hopscope::io
