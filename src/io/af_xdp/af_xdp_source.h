#pragma once
// AF_XDP: a source per RX queue, and the interface that they share. Frames are read where the
// kernel or the NIC wrote them; those of several buffers are copied into one.
//
// receive(), release() and wait() are called by the worker only, AfXdpInterface by the control
// thread.

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
  /// Binds the socket and adds it to the program's map. Throws SetupError.
  AfXdpSource(XdpProgram& program, unsigned queue, const AfXdpOptions& options);

  std::size_t receive(FrameBatch& batch) noexcept override;
  void release(const FrameHandle* handles, std::size_t count) noexcept override;
  void wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool exhausted() const noexcept override {
    return gone_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t capacity() const noexcept override {
    return socket_.umem().frames() + (assembler_ ? assembler_->slots() : 0);
  }
  [[nodiscard]] SourceStatistics statistics() const noexcept override;
  [[nodiscard]] SourceDescription description() const override;

  /// The interface was removed: there will be no more frames. Control thread.
  void set_gone() noexcept { gone_.store(true, std::memory_order_relaxed); }

 private:
  void ask_for_busy_poll(const BusyPollOptions& options);
  void check_busy_poll() noexcept;
  void append(const xdp_desc& descriptor, FrameBatch& batch) const noexcept;
  void take_frames(FrameBatch& batch) noexcept;
  /// Returns the number of descriptors consumed.
  std::uint32_t take_buffers(FrameBatch& batch) noexcept;

  const std::string interface_;
  const unsigned queue_;
  const bool native_;
  XskSocket socket_;
  std::optional<FrameAssembler> assembler_;  ///< if frames may have several buffers
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

  /// What changed since the last call, a log line each: the interface was removed, its link went
  /// down or up, the program was replaced. Called once a second.
  [[nodiscard]] std::vector<std::string> check();

  /// The interface was removed. Final, even if one of that name is added again.
  [[nodiscard]] bool gone() const noexcept { return gone_; }

  /// Detaches the program; the sources stay open, with the frames that they still have.
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
