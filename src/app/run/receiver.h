#pragma once
// The frame sources of `hopscope run`, of either kind: opened from the configuration, watched once
// a second, closed in the right order.

#include <memory>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "export/metrics/self_metrics.h"
#include "io/af_xdp/af_xdp_source.h"
#include "io/frame_source.h"

namespace hopscope::app {

class Receiver {
 public:
  /// A source per worker. Throws SetupError.
  explicit Receiver(const Config& config);

  /// One per worker, in their order.
  [[nodiscard]] std::vector<io::FrameSource*> sources() const;

  /// Changes since the last call, one sentence each.
  [[nodiscard]] std::vector<std::string> check();

  /// False if no more frames can arrive.
  [[nodiscard]] bool alive() const;

  /// The verdicts of the XDP program; empty without one.
  [[nodiscard]] std::vector<exporter::XdpCount> xdp_counts() const;

  /// Stops receiving; frames that are in the rings can still be read.
  void detach() noexcept;

 private:
  const std::string interface_;
  std::unique_ptr<io::AfXdpInterface> af_xdp_;
  std::vector<std::unique_ptr<io::FrameSource>> udp_;
};

}  // namespace hopscope::app
