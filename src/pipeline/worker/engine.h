#pragma once
// All workers together: builds them, connects them, runs them on pinned threads or inline on the
// caller's, and is what the exporter reads. The only class of the pipeline that owns threads.

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "io/frame_source.h"
#include "io/options.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/events/options.h"
#include "pipeline/report/hash.h"
#include "pipeline/tables/units.h"
#include "pipeline/worker/table_reader.h"
#include "pipeline/worker/worker.h"

namespace hopscope::pipeline {

struct EngineOptions {
  DecodeConfig decode;
  TableOptions tables;
  EventOptions events;
  SwitchOptions switches;
  QueueOptions queues;
  HashSeed seed;  ///< random_hash_seed() in production
  io::IdleStrategy idle = io::IdleStrategy::kAdaptive;
  InstructionSet instruction_set = trusted_instruction_set();
  bool fast_path = true;  ///< off: every frame goes through the checked decoder
  /// Of several workers' values of a port the newest is told by the microsecond instead of by 8 ms
  /// (value_time.h): for reports that are to give the same with any number of workers.
  bool exact_times = false;
  std::vector<int> cpus;  ///< per worker; -1 or absent: not pinned
};

class Engine final : public TableReader {
 public:
  /// One worker per source; a null source makes a worker that only keeps tables. At most 64.
  /// Claims all memory. Throws std::bad_alloc.
  Engine(const EngineOptions& options, std::vector<io::FrameSource*> sources);
  ~Engine() override;

  // --- on threads -------------------------------------------------------------------------------
  /// Starts a pinned thread per worker. Throws std::system_error.
  void start();
  /// Takes what the sources still have (for half a second at the most, if more keeps coming),
  /// finishes what is under way, joins the workers.
  void stop();
  /// Every source has come to its end and everything is processed.
  [[nodiscard]] bool finished() const noexcept;

  // --- inline -----------------------------------------------------------------------------------
  /// One cycle of every worker on the calling thread, then all messages; deterministic. Returns the
  /// number of frames and messages; 0 means nothing to do now.
  std::size_t run_inline() noexcept;
  /// Ends an inline run: holes in sequences are settled.
  void finish_inline() noexcept;

  // --- for the exporter -------------------------------------------------------------------------
  /// Takes up to `events.size()` events; returns their number.
  std::size_t take_events(std::span<Event> events) noexcept;

  /// Duty cycles of a worker so far: it lives while this moves.
  [[nodiscard]] std::uint64_t cycles(std::size_t worker) const noexcept;

 private:
  struct alignas(kNoShare) Lane {
    std::unique_ptr<SpscQueue<Event>> events;
    std::unique_ptr<Worker> worker;
    std::thread thread;
    Counter cycles;
    std::atomic<bool> drained{false};  ///< while draining: nothing was left to receive
    std::atomic<bool> quiet{false};    ///< nothing received, nothing under way
  };

  void connect(const QueueOptions& queues);
  void run(Lane& lane, std::size_t index) noexcept;
  void pass_messages() noexcept;
  [[nodiscard]] bool all_quiet() const noexcept;
  void drain_sources() noexcept;

  EngineOptions options_;
  Decoder decoder_;
  UnitTable units_;
  SenderOwners senders_;
  WorkerShared shared_;
  std::vector<std::unique_ptr<WorkerChannel>> channels_;
  std::vector<std::unique_ptr<Lane>> workers_;
  std::atomic<bool> receive_{false};
  std::atomic<bool> drain_{false};
  std::atomic<bool> run_{false};
  std::size_t next_lane_ = 0;
};

}  // namespace hopscope::pipeline
