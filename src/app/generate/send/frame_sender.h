#pragma once
// Sending templates out of an interface: the one interface of the two ways to do it. Made and used
// by one thread.

#include <atomic>
#include <cstdint>
#include <string>

namespace hopscope::io {

struct SendOptions {
  std::string interface;
  std::uint64_t count = 0;        ///< frames; 0: no limit
  std::uint64_t duration_ns = 0;  ///< 0: no limit
  std::uint64_t rate = 0;         ///< frames per second; 0: as fast as it goes
  bool move_times = true;         ///< timestamps in the frames advance with the clock
  int cpu = -1;                   ///< the sending thread is pinned to it; -1: not pinned
};

/// What became of the frames. `sent` is what the sender let go; all else says who lost them:
///
///   sent = taken + refused + (sent - taken - refused)
///
/// `taken` and `refused` are the driver's answers (tracepoint xdp_devmap_xmit, or the return value
/// of sendmmsg). With live frames into a veth, `refused` is the receiving end's ring of 256 frames
/// being full; the same number stands in `ethtool -S` as tx_queue_*_xdp_xmit_errors of this end
/// and in `ip -s link` as TX dropped here and RX dropped there. What is neither taken nor refused
/// had no driver to go to (e.g. a veth whose other end has neither XDP nor GRO). Frames that the
/// driver took can still be lost in the receiver's own XDP program or socket: rx_queue_*_xdp_drops
/// and the socket's statistics there.
struct SendResult {
  std::uint64_t sent = 0;
  bool knows_taken = true;  ///< false: the tracepoint could not be attached
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  std::uint64_t late = 0;  ///< times that the sender was behind its rate and took a new start
  double seconds = 0;      ///< from the first to the last frame
  // What the interface counted meanwhile, others' frames included.
  std::uint64_t interface_tx_packets = 0;
  std::uint64_t interface_tx_dropped = 0;
};

class FrameSender {
 public:
  FrameSender() = default;
  FrameSender(const FrameSender&) = delete;
  FrameSender& operator=(const FrameSender&) = delete;
  virtual ~FrameSender() = default;

  /// Sends until a limit is reached or `stop` is set, whose setter must also interrupt this thread
  /// with a signal. Once per sender. Throws SetupError.
  virtual SendResult send(const std::atomic<bool>& stop) = 0;

  [[nodiscard]] virtual std::string name() const = 0;
};

/// Pins the calling thread; does nothing for -1. Throws SetupError.
void pin_to_cpu(int cpu);

}  // namespace hopscope::io
