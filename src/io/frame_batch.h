#pragma once
// A batch of frames, as structure of arrays: what sources pass to the worker.
//
// A source fills a batch; the worker reads the bytes in place and returns every frame by its
// handle, in any order, through FrameSource::release(). The bytes are valid until then.

#include <array>
#include <cstddef>
#include <cstdint>

namespace hopscope::io {

/// Maximum number of frames in a batch: one NAPI budget.
inline constexpr std::size_t kBatch = 64;

/// Identifies a frame to its source (for AF_XDP the address in the UMEM, or a slot of the
/// assembler). Opaque to others.
using FrameHandle = std::uint64_t;

struct FrameBatch {
  std::size_t count = 0;
  std::array<const std::uint8_t*, kBatch> data;  ///< first byte of the Ethernet header
  std::array<std::uint32_t, kBatch> length;      ///< captured bytes
  std::array<FrameHandle, kBatch> handle;

  /// Wall-clock time of receipt in ns since 1970, read once per batch.
  std::int64_t receive_time_ns = 0;
  /// Captures only: the time of each frame; null if all have receive_time_ns.
  const std::int64_t* frame_time_ns = nullptr;

  [[nodiscard]] std::int64_t time_ns(std::size_t i) const noexcept {
    return frame_time_ns != nullptr ? frame_time_ns[i] : receive_time_ns;
  }
};

}  // namespace hopscope::io
