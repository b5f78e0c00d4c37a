#pragma once
// Frames of one RX queue through AF_XDP, and the interface that several queues share. Frames are
// read where the kernel or the NIC wrote them, but for those of several buffers.
//
// receive(), release() and wait() are the worker's; the control thread uses AfXdpInterface.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/af_xdp/frame_assembler.h"
#include "io/af_xdp/xdp_program.h"
#include "io/af_xdp/xsk_socket.h"
#include "io/frame_source.h"
#include "io/options.h"
#include "io/source_counters.h"

namespace hopscope::io {

class AfXdpSource final : public FrameSource {
 public:
  /// Binds the socket and puts it into the program's map. Throws SetupError.
  AfXdpSource(XdpProgram& program, unsigned queue, const AfXdpOptions& options);

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override {
    return gone_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t capacity() const noexcept override {
    return socket_.umem().frames() + (assembler_ ? assembler_->places() : 0);
  }
  [[nodiscard]] SourceStatistics statistics() const noexcept override;
  [[nodiscard]] SourceDescription description() const override;

  /// The interface is gone: nothing comes any more. Control thread.
  void set_gone() noexcept { gone_.store(true, std::memory_order_relaxed); }

 private:
  void ask_for_busy_poll(const BusyPollOptions& options);
  void check_busy_poll() noexcept;
  void append(const xdp_desc& descriptor, FrameBatch& batch) const noexcept;
  void take_frames(FrameBatch& batch) noexcept;
  /// Returns how many descriptors it took.
  std::uint32_t take_buffers(FrameBatch& batch) noexcept;

  const std::string interface_;
  const unsigned queue_;
  const bool native_;
  XskSocket socket_;
  std::optional<FrameAssembler> assembler_;  ///< where frames may come in several buffers
  std::string reason_;
  bool wants_busy_poll_ = false;
  std::atomic<bool> busy_poll_{false};
  std::atomic<bool> busy_poll_checked_{false};
  std::atomic<bool> gone_{false};
  SourceCounters counters_;
};

class AfXdpInterface {
 public:
  /// Attaches the program and opens a source per queue. Throws SetupError.
  AfXdpInterface(const AfXdpOptions& options, const std::vector<unsigned>& queues,
                 const Redirect& redirect);

  [[nodiscard]] std::size_t size() const noexcept { return sources_.size(); }
  [[nodiscard]] AfXdpSource& source(std::size_t i) noexcept { return *sources_[i]; }
  [[nodiscard]] std::vector<XdpVerdict> verdicts() const { return program_.verdicts(); }

  /// What changed since the last call, a sentence each: the interface is gone, its link is down or
  /// up again, the program was replaced. Once a second.
  [[nodiscard]] std::vector<std::string> check();

  /// The interface went away; it does not come back.
  [[nodiscard]] bool gone() const noexcept { return gone_; }

  /// Detaches the program; the sources stay open for what they still hold.
  void detach() noexcept { program_.detach(); }

 private:
  const std::string interface_;
  XdpProgram program_;
  std::vector<std::unique_ptr<AfXdpSource>> sources_;
  bool gone_ = false;
  bool link_up_ = true;
  bool replaced_ = false;
};

}  // namespace hopscope::io
