#pragma once
// One worker: takes batches from its source, decodes, keeps the tables of the keys that it owns,
// and passes on what belongs to others. Runs to completion; never blocks, never allocates, never
// calls the kernel but through the source. The same code runs on a pinned thread or inline.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/spsc_queue.h"
#include "io/frame_source.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/events/event_buffer.h"
#include "pipeline/fastpath/fast_path.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/key_share.h"
#include "pipeline/tables/tables.h"
#include "pipeline/worker/authority.h"
#include "pipeline/worker/busy_meter.h"
#include "pipeline/worker/change_exchange.h"
#include "pipeline/worker/checked_path.h"
#include "pipeline/worker/lender.h"
#include "pipeline/worker/sender_owners.h"
#include "pipeline/worker/sequence_router.h"
#include "pipeline/worker/worker_channel.h"
#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

/// What all workers have in common; immutable while they run.
struct WorkerShared {
  const Decoder& decoder;
  const UnitTable& units;
  const TableOptions& tables;
  const EventOptions& events;
  HashSeed seed;
  unsigned workers;
  SenderOwners* senders;
  InstructionSet instruction_set;
  bool fast_path;
  bool exact_times;
};

class Worker final {
 public:
  /// `source` may be null: a worker that only keeps tables. `events` goes to the exporter.
  Worker(unsigned index, const WorkerShared& shared, io::FrameSource* source,
         SpscQueue<Event>& events);

  /// The queues to and from the other workers; null at its own index. Before the first cycle.
  void connect(WorkerChannels::List to, WorkerChannels::List from) {
    channels_.connect(std::move(to), std::move(from));
  }

  /// One duty cycle: what others sent, then one batch if `receive`. Returns the work done: frames,
  /// messages and returns.
  std::size_t run_once(bool receive) noexcept;

  /// Time passes without frames: expiry and refresh go on. `now_ns` is the wall clock.
  void idle(std::int64_t now_ns) noexcept;

  /// The run ends: sequence holes are settled, events flushed.
  void finish() noexcept;

  [[nodiscard]] bool exhausted() const noexcept {
    return source_ == nullptr || source_->exhausted();
  }
  [[nodiscard]] std::size_t loans_outstanding() const noexcept {
    return lender_.loans_outstanding();
  }
  [[nodiscard]] io::FrameSource* source() const noexcept { return source_; }

  [[nodiscard]] const Tables& tables() const noexcept { return tables_; }
  [[nodiscard]] CounterSnapshot counters() const noexcept;

 private:
  /// What FastPath asks of its caller.
  struct FastPathExit;

  template <InstructionSet kSet>
  std::size_t receive_batch() noexcept;
  std::size_t receive_messages() noexcept;
  /// Offers a borrowed frame to the fast path; false: it, or a message of another kind, is to go to
  /// take_message().
  template <InstructionSet kSet>
  bool push(const Message& message) noexcept;
  [[gnu::noinline]] void take_message(const Message& message, unsigned from) noexcept;
  /// A frame that is not for the fast path. By value, so that the caller's need not be in memory.
  [[gnu::noinline]] void take_checked(OwnFrame frame) noexcept;
  /// All frames leave the fast path.
  [[gnu::noinline]] void drain() noexcept;

  // Frames that leave it.
  void finish_taken(const FastPath::Item& item) noexcept;
  [[gnu::noinline]] void finish_checked(const FastPath::Item& item) noexcept;
  [[gnu::noinline]] void finish_foreign(const FastPath::Item& item) noexcept;
  /// Counts what is in same_.
  void count_same() noexcept;
  void count_reports(const ReportShape& shape, std::uint64_t count) noexcept;

  [[nodiscard]] FrameTime time_of(std::int64_t receive_ns) noexcept {
    return {.receive_ns = receive_ns, .now_ns = clock_.at(receive_ns)};
  }
  /// A frame arrived at that time, here or at another worker.
  void saw(const FrameTime& time) noexcept {
    if (time.now_ns >= last_time_.now_ns) last_time_ = time;
  }

  const KeyShare share_;
  io::FrameSource* const source_;
  const InstructionSet set_;
  WorkerCounters counters_;
  EventBuffer events_;
  WorkerChannels channels_;
  Lender lender_;
  Authority authority_;
  ChangeExchange changes_;
  Tables tables_;
  SequenceRouter sequences_;
  FastPath fast_;
  CheckedPath checked_;
  io::FrameBatch batch_;
  AgeingClock clock_;
  FrameTime last_time_;  ///< of the newest frame, other workers' included
  BusyMeter busy_;
  /// The reports of one shape that the fast path took last, not yet counted.
  struct {
    const ReportShape* shape = nullptr;
    std::uint64_t count = 0;
  } same_;
  bool replays_ = false;  ///< frames have times of their own: those of a capture
};

}  // namespace hopscope::pipeline
