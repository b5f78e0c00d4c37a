#pragma once
// The collector of `hopscope run`: receiver, engine and exporter, and the control loop that watches
// them until a signal arrives.

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "app/config/config.h"
#include "app/run/receiver.h"
#include "export/exporter.h"
#include "pipeline/worker/engine.h"

namespace hopscope::app {

class Collector {
 public:
  /// Opens everything; nothing is received yet. Throws SetupError.
  explicit Collector(const Config& config);

  /// Receives until SIGTERM or SIGINT; SIGHUP reopens files. These signals must be blocked in every
  /// thread (block_signals). Returns the signal.
  int run();

  /// Blocks the signals that run() waits for. Before any thread is started.
  static void block_signals();

 private:
  [[nodiscard]] std::vector<const io::FrameSource*> watched_sources() const;
  [[nodiscard]] std::vector<exporter::HealthCheck> health() const;
  [[nodiscard]] std::vector<exporter::HealthCheck> readiness() const;
  void announce() const;
  void watch();
  void shut_down();
  void report() const;

  Receiver receiver_;
  pipeline::Engine engine_;
  std::atomic<bool> receiving_{false};
  std::atomic<bool> alive_{true};
  std::vector<std::uint64_t> cycles_;
  std::unique_ptr<std::atomic<bool>[]> moving_;  ///< per worker: its loop ran in the last second
  exporter::Exporter exporter_;  ///< reads all of the above from its construction on
  const std::chrono::duration<double> stop_limit_;
};

}  // namespace hopscope::app
