#pragma once
// The seam between receiving and processing: a batch of frames, as structure of arrays.
//
// A source fills a batch; the worker reads the bytes in place and gives every frame back by its
// handle, in any order, through FrameSource::release(). Bytes stay valid until then. The pipeline
// includes this header and nothing else of src/io.

#include <array>
#include <cstddef>
#include <cstdint>

namespace hopscope::io {

/// Frames in a batch, at most: one NAPI budget.
inline constexpr std::size_t kBatch = 64;

/// Names a frame to its own source (for AF_XDP the address in the UMEM, or a place of the
/// assembler). Opaque to others.
using FrameHandle = std::uint64_t;

struct FrameBatch {
  std::size_t count = 0;
  std::array<const std::uint8_t*, kBatch> data;  ///< first byte of the Ethernet header
  std::array<std::uint32_t, kBatch> length;      ///< captured bytes
  std::array<FrameHandle, kBatch> handle;

  /// Wall-clock time of receipt in ns since 1970, read once per batch.
  std::int64_t receive_time_ns = 0;
  /// For captures only: each frame's own time of capture; null where receive_time_ns is for all.
  const std::int64_t* frame_time_ns = nullptr;

  [[nodiscard]] std::int64_t time_ns(std::size_t i) const noexcept {
    return frame_time_ns != nullptr ? frame_time_ns[i] : receive_time_ns;
  }
};

}  // namespace hopscope::io
