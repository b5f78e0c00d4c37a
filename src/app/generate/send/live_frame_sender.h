#pragma once
// The fast sender: a BPF program that the kernel runs once per frame (BPF_PROG_RUN with live
// frames, Linux 5.18) and that redirects the frames into a device map. Some ten times as fast as
// any socket, and exact: it sends the number of frames that it was asked for.
//
// It spins inside the kernel to keep its rate, so it is not for low ones; and it can only send to a
// driver that takes redirected frames. why_not() says which of the two is the matter. A veth takes
// them while its other end has an XDP program or GRO switched on; there the other end's receive
// work is done on the sender's CPU.

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "app/generate/send/frame_sender.h"
#include "app/generate/send/frame_template.h"

namespace hopscope::io {

class LiveFrameSender final : public FrameSender {
 public:
  /// Loads the program and copies the templates. Throws SetupError.
  LiveFrameSender(std::span<const FrameTemplate> templates, const SendOptions& options);
  ~LiveFrameSender() override;

  SendResult send(const std::atomic<bool>& stop) override;
  [[nodiscard]] std::string name() const override { return "live_frames"; }

  /// Why live frames are no good for these options; empty if they are.
  [[nodiscard]] static std::string why_not(const SendOptions& options);

 private:
  struct Program;

  void configure(std::span<const FrameTemplate> templates);
  void fill(std::span<const FrameTemplate> templates);
  [[nodiscard]] std::uint32_t next_repeat() const noexcept;

  const SendOptions options_;
  std::size_t frame_bytes_ = 0;
  std::unique_ptr<Program> program_;
};

}  // namespace hopscope::io
