#pragma once
// One AF_XDP socket on one RX queue, with its own frame memory. Set up by system calls instead of
// libxdp, because the fill ring must hold frames before bind: some zero-copy drivers never recover
// from an empty one.

#include <cstdint>
#include <memory>
#include <string>

#include "io/af_xdp/umem.h"
#include "io/af_xdp/xsk_ring.h"
#include "io/options.h"

namespace hopscope::io {

class XskSocket {
 public:
  /// What the attached program allows. Zero-copy is tried only if it is native, frames of several
  /// buffers are requested only if it accepts them.
  struct Program {
    bool native = false;
    bool multi_buffer = false;
  };

  /// Binds to `queue` of the interface. Throws SetupError.
  XskSocket(unsigned interface_index, unsigned queue, const AfXdpOptions& options, Program program);
  XskSocket(const XskSocket&) = delete;
  XskSocket& operator=(const XskSocket&) = delete;
  ~XskSocket();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] FillRing& fill() noexcept { return *fill_; }
  [[nodiscard]] RxRing& rx() noexcept { return *rx_; }
  [[nodiscard]] const FillRing& fill() const noexcept { return *fill_; }
  [[nodiscard]] const RxRing& rx() const noexcept { return *rx_; }
  [[nodiscard]] const Umem& umem() const noexcept { return umem_; }
  [[nodiscard]] bool zero_copy() const noexcept { return zero_copy_; }
  /// Frames larger than one buffer arrive as several descriptors.
  [[nodiscard]] bool multi_buffer() const noexcept { return multi_buffer_; }
  /// Why zero-copy or multi-buffer was not reached as requested; else empty.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  void register_umem();
  void map_rings(std::uint32_t rx_entries, std::uint32_t fill_entries);
  void bind_to(unsigned interface_index, unsigned queue, const AfXdpOptions& options,
               Program program);
  [[nodiscard]] int try_bind(unsigned interface_index, unsigned queue, unsigned flags) const;
  void close_all() noexcept;

  Umem umem_;
  int fd_ = -1;
  void* rx_map_ = nullptr;
  std::size_t rx_map_bytes_ = 0;
  void* fill_map_ = nullptr;
  std::size_t fill_map_bytes_ = 0;
  std::unique_ptr<FillRing> fill_;
  std::unique_ptr<RxRing> rx_;
  bool zero_copy_ = false;
  bool multi_buffer_ = false;
  std::string reason_;
};

}  // namespace hopscope::io
