#pragma once
// The sender that always works: an AF_PACKET socket and sendmmsg. A tenth as fast as live frames,
// but it sleeps between frames instead of spinning, and any interface will do.

#include <span>
#include <vector>

#include "app/generate/send/frame_sender.h"
#include "app/generate/send/frame_template.h"

namespace hopscope::io {

class PacketSocketSender final : public FrameSender {
 public:
  /// `templates` must outlive the sender. Throws SetupError.
  PacketSocketSender(std::span<const FrameTemplate> templates, const SendOptions& options);
  ~PacketSocketSender() override;

  SendResult send(const std::atomic<bool>& stop) override;
  [[nodiscard]] std::string name() const override { return "packet_socket"; }

 private:
  static constexpr std::size_t kBatch = 64;

  [[nodiscard]] std::size_t frames_due(std::uint64_t elapsed_ns, SendResult& result);
  void render_batch(std::size_t count, std::uint64_t elapsed_ns);
  void transmit(std::size_t count, SendResult& result);

  const std::span<const FrameTemplate> templates_;
  const SendOptions options_;
  int socket_ = -1;
  std::size_t next_ = 0;
  std::uint32_t lap_ = 0;
  std::uint64_t pace_ns_ = 0;  ///< when frame pace_base_ was due
  std::uint64_t pace_base_ = 0;
  std::vector<std::uint8_t> frames_;
  std::vector<std::size_t> lengths_;
};

}  // namespace hopscope::io
