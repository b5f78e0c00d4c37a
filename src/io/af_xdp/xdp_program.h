#pragma once
// The XDP program on one interface. Attached through a bpf_link, so that the kernel detaches it
// however the process ends. Control thread only.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/options.h"

namespace hopscope::io {

/// What the program did with a frame, in the order of its counters (bpf/hopscope_shared.h).
inline constexpr std::array<std::string_view, 5> kXdpVerdicts{"redirected", "not_udp", "other_port",
                                                              "fragment", "no_socket"};

struct XdpVerdict {
  std::string_view name;
  std::uint64_t frames;
};

class XdpProgram {
 public:
  /// Loads and attaches the program: native if possible, else generic, as `mode` allows.
  /// `multi_buffer`: the program accepts frames of several buffers (Linux 5.18); without it drivers
  /// refuse a large MTU. Throws SetupError.
  XdpProgram(const std::string& interface, XdpMode mode, const Redirect& redirect,
             bool multi_buffer);
  XdpProgram(const XdpProgram&) = delete;
  XdpProgram& operator=(const XdpProgram&) = delete;
  ~XdpProgram();

  /// Redirects frames of `queue` to this socket from now on.
  void add_socket(unsigned queue, int socket_fd);

  /// Detaches the program: no more frames. Call it before the sockets are closed.
  void detach() noexcept;

  [[nodiscard]] unsigned interface_index() const noexcept { return interface_index_; }
  [[nodiscard]] bool native() const noexcept { return native_; }
  [[nodiscard]] bool multi_buffer() const noexcept { return multi_buffer_; }
  /// Why it is not native or not multi-buffer as requested; else empty.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  [[nodiscard]] std::vector<XdpVerdict> verdicts() const;

  /// Whether this program is the one attached to the interface now.
  [[nodiscard]] bool attached() const noexcept;

 private:
  struct Loaded;

  void load(const Redirect& redirect);
  void join_reason(const char* reason);

  std::string interface_;
  unsigned interface_index_ = 0;
  std::unique_ptr<Loaded> loaded_;
  bool native_ = false;
  bool multi_buffer_ = false;
  std::string reason_;
};

}  // namespace hopscope::io
