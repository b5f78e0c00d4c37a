#pragma once
// One worker: takes batches from its source, decodes, keeps the tables of the keys that it owns,
// and passes on what belongs to others. Runs to completion; never blocks, never allocates, never
// calls the kernel but through the source. The same code runs on a pinned thread or inline.

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/spsc_queue.h"
#include "io/frame_source.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/fastpath/fast_path.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/key_share.h"
#include "pipeline/tables/tables.h"
#include "pipeline/worker/authority.h"
#include "pipeline/worker/busy_meter.h"
#include "pipeline/worker/loan_pool.h"
#include "pipeline/worker/message.h"
#include "pipeline/worker/sender_owners.h"
#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

/// The queues between one ordered pair of workers.
struct Link {
  Link(std::size_t messages_entries, std::size_t returns_entries)
      : messages(messages_entries), returns(returns_entries) {}

  SpscQueue<Message> messages;       ///< from the first to the second
  SpscQueue<std::uint32_t> returns;  ///< loans of the first, from the second back to the first
};

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

class Worker final : private ChangeRouter {
 public:
  /// `source` may be null: a worker that only keeps tables. `events` goes to the exporter.
  Worker(unsigned index, const WorkerShared& shared, io::FrameSource* source,
         SpscQueue<Event>& events);

  /// The queues to and from the other workers; null at its own index. Before the first cycle.
  void connect(std::vector<Link*> to, std::vector<Link*> from);

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
  [[nodiscard]] std::size_t loans_outstanding() const noexcept { return loans_.outstanding(); }
  [[nodiscard]] io::FrameSource* source() const noexcept { return source_; }

  [[nodiscard]] const Tables& tables() const noexcept { return tables_; }
  [[nodiscard]] CounterSnapshot counters() const noexcept;

 private:
  static constexpr std::uint32_t kNoLoan = 0xFFFF'FFFF;

  /// A frame of the batch at hand.
  struct Frame {
    Bytes bytes;
    FrameTime time;
    io::FrameHandle handle;
    std::uint32_t loan;  ///< kNoLoan until it is lent
  };

  /// To which workers the frame at hand went, and whether each had room.
  struct Lending {
    std::uint64_t to = 0;  ///< bit per worker
    bool all_taken = true;
  };

  bool route(const RowChange& change) noexcept override;

  template <InstructionSet kSet>
  std::size_t receive_batch() noexcept;
  std::size_t take_returns() noexcept;
  std::size_t take_messages() noexcept;
  /// One that is no frame of a known shape.
  [[gnu::noinline]] void take_message(const Message& message, unsigned from) noexcept;

  /// What FastPath asks of its caller.
  struct FastPathExit;

  /// All frames leave the fast path.
  [[gnu::noinline]] void drain() noexcept;
  void finish_frame(const Frame& frame) noexcept;
  /// Offers a borrowed frame to the fast path; false: it, or a message of another kind, is to go to
  /// take_message().
  template <InstructionSet kSet>
  bool push(const Message& message) noexcept;
  void finish_taken(const FastPath::Item& item) noexcept;
  [[gnu::noinline]] void lend_item(const FastPath::Item& item) noexcept;
  [[gnu::noinline]] void process_item(const FastPath::Item& item) noexcept;
  [[nodiscard]] static SequenceNumber sequence_of(const FastPath::Item& item) noexcept;
  /// Counts what stands in same_.
  void count_same() noexcept;
  void count_reports(const ReportShape& shape, std::uint64_t count) noexcept;
  [[gnu::noinline]] void process(Frame& frame) noexcept;
  /// False: an owner of one of the reports had no room.
  bool process_reports(Frame& frame, const OuterHeaders& outer, std::uint32_t& reports,
                       DecodeError& error) noexcept;
  bool process_format(Frame& frame, const OuterHeaders& outer, DecodeError& error) noexcept;
  /// Reads a header of one's own; `is_own(owner)` says of each record whether it is taken here.
  template <typename IsOwn>
  DecodeError read_format(const OuterHeaders& outer, const FrameTime& time,
                          const IsOwn& is_own) noexcept;
  void process_loan(const FrameLoan& loan) noexcept;
  void return_loan(std::uint32_t loan) noexcept;
  /// A frame of `reports` reports was read.
  void learn_from(Bytes frame, const OuterHeaders& outer, std::uint32_t reports,
                  DecodeError error) noexcept;
  void count_report(const Report& report) noexcept;
  void count_error(DecodeError error) noexcept;
  [[gnu::noinline]] void note_sequence(const SequenceNumber& number) noexcept;
  void note_sequence(const Report& report, const OuterHeaders& outer,
                     const FrameTime& time) noexcept;
  [[nodiscard]] std::uint64_t flow_hash(const Report& report) const noexcept;
  /// True: this worker is the owner. Otherwise the frame is lent to it, once.
  bool is_own_or_lent(Frame& frame, unsigned owner, Lending& lending) noexcept;
  bool lend(Frame& frame, unsigned owner) noexcept;
  void decide(RowChange change, unsigned from) noexcept;
  void tell_interval(const RowChange& change, unsigned to) noexcept;
  void give_back(std::uint32_t loan) noexcept;
  /// To the source, with the next ones.
  void put_back(io::FrameHandle handle) noexcept;
  void flush_returns() noexcept;

  [[nodiscard]] FrameTime time_of(std::int64_t receive_ns) noexcept {
    return {.receive_ns = receive_ns, .now_ns = clock_.at(receive_ns)};
  }
  /// A frame came here or to another worker at that time.
  void saw(const FrameTime& time) noexcept {
    if (time.now_ns >= last_time_.now_ns) last_time_ = time;
  }

  const KeyShare share_;
  const Decoder& decoder_;
  const HashSeed seed_;
  SenderOwners& senders_;
  io::FrameSource* const source_;
  EventBuffer events_;
  Tables tables_;
  Authority authority_;
  const InstructionSet set_;
  FastPath fast_;
  LoanPool loans_;
  std::vector<Link*> to_;
  std::vector<Link*> from_;
  io::FrameBatch batch_;
  Report report_;
  std::array<io::FrameHandle, io::kBatch> done_;  ///< frames to release
  std::size_t done_count_ = 0;
  std::array<Message, io::kBatch> inbox_;
  unsigned inbox_from_ = 0;  ///< whose messages are in there
  std::array<std::uint32_t, io::kBatch> returned_;
  AgeingClock clock_;
  FrameTime last_time_;  ///< of the newest frame, other workers' included
  BusyMeter busy_;
  /// Reports of one shape that were taken one after the other, and are not counted yet.
  struct {
    const ReportShape* shape = nullptr;
    std::uint64_t count = 0;
  } same_;
  bool replays_ = false;  ///< frames have times of their own: those of a capture
  WorkerCounters counters_;
};

}  // namespace hopscope::pipeline
