#pragma once
// Frame memory of one AF_XDP socket, on 2 MB pages if there are any. Written by the kernel or the
// NIC, read by the worker.

#include <cstddef>
#include <cstdint>

namespace hopscope::io {

enum class PageKind : std::uint8_t {
  kHuge,         ///< reserved 2 MB pages (hugetlbfs)
  kTransparent,  ///< transparent huge pages were requested
  kSmall,
};

class Umem {
 public:
  /// Maps and touches frames * frame_bytes. Throws SetupError.
  Umem(std::uint32_t frames, std::uint32_t frame_bytes, bool huge_pages);
  Umem(const Umem&) = delete;
  Umem& operator=(const Umem&) = delete;
  ~Umem();

  [[nodiscard]] std::uint8_t* base() const noexcept { return base_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return std::uint64_t{frames_} * frame_bytes_;
  }
  [[nodiscard]] std::uint32_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::uint32_t frame_bytes() const noexcept { return frame_bytes_; }
  [[nodiscard]] PageKind pages() const noexcept { return pages_; }

  /// The start of the frame that holds `address`: descriptors point past the headroom.
  [[nodiscard]] std::uint64_t frame_of(std::uint64_t address) const noexcept {
    return address & ~std::uint64_t{frame_bytes_ - 1};
  }

  /// Whether the range lies within one frame.
  [[nodiscard]] bool contains(std::uint64_t address, std::uint32_t length) const noexcept {
    return address < bytes() && address + length <= frame_of(address) + frame_bytes_;
  }
  /// Whether `address` is the start of a frame.
  [[nodiscard]] bool is_frame(std::uint64_t address) const noexcept {
    return address < bytes() && frame_of(address) == address;
  }

 private:
  std::uint32_t frames_;
  std::uint32_t frame_bytes_;
  std::uint8_t* base_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  PageKind pages_ = PageKind::kSmall;
};

}  // namespace hopscope::io
