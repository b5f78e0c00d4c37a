#include "pipeline/worker/worker.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/assert.h"
#include "base/prefetch.h"
#include "pipeline/simd/compiled_for.h"

namespace hopscope::pipeline {
namespace {

/// Maximum buckets and rows per call of housekeeping: after a batch, when idle, and before a frame
/// of a replay, where hours may have passed since the frame before.
constexpr std::uint32_t kRowsPerBatch = 64;
constexpr std::uint32_t kRowsPerIdle = 4096;
constexpr std::uint32_t kAllRows = 0xFFFF'FFFF;

/// Headers are prefetched this many frames ahead.
constexpr std::size_t kAhead = 8;

void prefetch_headers(const std::uint8_t* frame) noexcept {
  // Six lines: a report with six hops of all fields. This may run past the frame: the addresses are
  // integers, because pointer arithmetic there would be undefined, and prefetching never faults.
  const auto from = reinterpret_cast<std::uintptr_t>(frame);
  for (std::size_t at = 0; at < 6 * kCacheLine; at += kCacheLine) {
    prefetch(reinterpret_cast<const void*>(from + at));
  }
}

}  // namespace

struct Worker::FastPathExit {
  Worker& worker;

  [[gnu::noinline]] void on_sequence(const FastPath::Item& item) const noexcept {
    worker.sequences_.route(FastPath::sequence_of(item));
  }
  void on_exit(const FastPath::Item& item, Fate fate) const noexcept {
    switch (fate) {
      case Fate::kTaken:
        worker.finish_taken(item);
        break;
      case Fate::kChecked:
        worker.finish_checked(item);
        break;
      case Fate::kForeign:
        worker.finish_foreign(item);
        break;
    }
  }
};

Worker::Worker(unsigned index, const WorkerShared& shared, io::FrameSource* source,
               SpscQueue<Event>& events)
    : share_(index, shared.workers),
      source_(source),
      set_(shared.instruction_set),
      events_(events),
      channels_(counters_),
      lender_(source, shared.workers, channels_),
      authority_(shared.tables, shared.events, shared.seed, events_),
      changes_(share_, shared.seed, authority_, channels_),
      tables_({.tables = shared.tables,
               .events = shared.events,
               .units = shared.units,
               .formats = shared.decoder.formats(),
               .seed = shared.seed,
               .workers = shared.workers,
               .exact_times = shared.exact_times,
               .event_buffer = events_,
               .changes = changes_}),
      sequences_({.share = share_,
                  .seed = shared.seed,
                  .senders = *shared.senders,
                  .tables = tables_,
                  .channels = channels_}),
      fast_({.decoder = shared.decoder,
             .units = shared.units,
             .tables = tables_,
             .seed = shared.seed,
             .share = share_,
             .is_on = shared.fast_path}),
      checked_({.decoder = shared.decoder,
                .seed = shared.seed,
                .share = share_,
                .tables = tables_,
                .fast = fast_,
                .lender = lender_,
                .sequences = sequences_,
                .counters = counters_}) {}

std::size_t Worker::run_once(bool receive) noexcept {
  std::size_t work = 0;
  if (share_.workers() > 1) work += lender_.receive_returns() + receive_messages();
  std::size_t frames = 0;
  if (receive && source_ != nullptr) {
    frames = compiled_for(set_, [this](auto set) noexcept { return receive_batch<set()>(); });
  }
  // A worker that is busy with borrowed frames only has neither batches nor idle time.
  if (work != 0 && frames == 0 && !replays_) tables_.housekeep(last_time_, kRowsPerBatch);
  work += frames;
  if (work != 0) {
    events_.flush();
    tables_.publish_counts();
  }
  return work;
}

template <InstructionSet kSet>
std::size_t Worker::receive_batch() noexcept {
  const std::size_t count = source_->receive(batch_);
  if (count == 0) return 0;
  replays_ = batch_.frame_time_ns != nullptr;
  std::uint64_t bytes = 0;
  FrameTime time;
  if (!replays_) saw(time = time_of(batch_.receive_time_ns));
  for (std::size_t i = 0; i < std::min(kAhead, count); ++i) prefetch_headers(batch_.data[i]);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch_headers(batch_.data[i + kAhead]);
    bytes += batch_.length[i];
    if (replays_) {
      saw(time = time_of(batch_.frame_time_ns[i]));
      if (tables_.is_due(time)) {
        drain();
        tables_.housekeep(time, kAllRows);
      }
    }
    const FastPath::Frame frame{.bytes = Bytes(batch_.data[i], batch_.length[i]),
                                .time = time,
                                .handle = batch_.handle[i],
                                .is_borrowed = false};
    if (fast_.push<kSet>(frame, FastPathExit{*this})) [[likely]]
      continue;
    take_checked({.bytes = frame.bytes, .time = frame.time, .handle = frame.handle});
  }
  drain();
  lender_.flush();
  counters_.frames.add(count);
  counters_.bytes.add(bytes);
  counters_.batches.add(1);
  if (!replays_) {
    busy_.batch(batch_.receive_time_ns, counters_);
    tables_.housekeep(time, kRowsPerBatch);
  }
  return count;
}

void Worker::take_checked(OwnFrame frame) noexcept {
  drain();
  checked_.process(frame);
  lender_.finish(frame);
}

template <InstructionSet kSet>
bool Worker::push(const Message& message) noexcept {
  if (message.kind != Message::Kind::kFrame) return false;
  const FrameLoan& loan = message.frame;
  saw(loan.time);
  return fast_.push<kSet>({.bytes = Bytes(loan.data, loan.length),
                           .time = loan.time,
                           .handle = loan.loan,
                           .is_borrowed = true},
                          FastPathExit{*this});
}

std::size_t Worker::receive_messages() noexcept {
  std::size_t work = 0;
  for (unsigned from = 0; from < channels_.from().size(); ++from) {
    if (from == share_.index()) continue;
    const std::span<const Message> inbox = lender_.receive_messages(from);
    compiled_for(set_, [&](auto set) noexcept {
      for (const Message& message : inbox) {
        if (!push<set()>(message)) take_message(message, from);
      }
    });
    drain();
    work += inbox.size();
  }
  return work;
}

void Worker::take_message(const Message& message, unsigned from) noexcept {
  drain();
  switch (message.kind) {
    case Message::Kind::kFrame:
      checked_.process(message.frame);
      lender_.return_loan(message.frame.loan);
      break;
    case Message::Kind::kChange: {
      RowChange change = message.change;
      if (changes_.decide(change, from)) tables_.set_interval(change);
      break;
    }
    case Message::Kind::kInterval:
      tables_.set_interval(message.change);
      break;
    case Message::Kind::kSequence:
      saw(message.sequence.time);
      tables_.observe_sequence(message.sequence);
      break;
  }
}

void Worker::drain() noexcept {
  compiled_for(set_, [this](auto set) noexcept { fast_.flush<set()>(FastPathExit{*this}); });
  count_same();
}

void Worker::count_same() noexcept {
  if (same_.count == 0) return;
  counters_.decoded.add(same_.count);
  counters_.regular_reports.add(same_.count);
  count_reports(*same_.shape, same_.count);
  same_ = {};
}

void Worker::finish_taken(const FastPath::Item& item) noexcept {
  if (item.is_borrowed) [[unlikely]] {
    lender_.return_loan(static_cast<std::uint32_t>(item.handle));
    // The lender counts the report.
    counters_.regular_reports.add(1);
    return;
  }
  lender_.put_back(item.handle);
  if (same_.shape != item.shape) count_same();
  same_.shape = item.shape;
  ++same_.count;
}

void Worker::finish_checked(const FastPath::Item& item) noexcept {
  const Bytes bytes(item.frame, item.length);
  if (item.is_borrowed) {
    const auto loan = static_cast<std::uint32_t>(item.handle);
    checked_.process({.data = item.frame, .length = item.length, .loan = loan, .time = item.time});
    lender_.return_loan(loan);
  } else {
    OwnFrame frame{.bytes = bytes, .time = item.time, .handle = item.handle};
    checked_.process(frame);
    lender_.finish(frame);
  }
}

void Worker::finish_foreign(const FastPath::Item& item) noexcept {
  HOPSCOPE_ASSERT(!item.is_borrowed && !share_.owns(item.hash));
  OwnFrame frame{.bytes = Bytes(item.frame, item.length), .time = item.time, .handle = item.handle};
  sequences_.route(FastPath::sequence_of(item));
  count_reports(*item.shape, 1);
  const bool is_lent = lender_.lend(frame, share_.owner_of(item.hash));
  (is_lent ? counters_.decoded : counters_.handoff_dropped).add(1);
  lender_.finish(frame);
}

void Worker::count_reports(const ReportShape& shape, std::uint64_t count) noexcept {
  const ReportKind kind = shape.tracked     ? ReportKind::kFlow
                          : shape.congested ? ReportKind::kQueue
                                            : ReportKind::kOther;
  counters_.reports.add(count);
  counters_.hops.add(shape.columns.hops * count);
  counters_.reports_by[shape.version][static_cast<std::size_t>(kind)].add(count);
}

void Worker::idle(std::int64_t now_ns) noexcept {
  if (replays_) {
    // The time of a capture does not advance between its frames.
    events_.flush();
    return;
  }
  busy_.idle(now_ns, counters_);
  tables_.housekeep(time_of(now_ns), kRowsPerIdle);
  events_.flush();
  tables_.publish_counts();
}

void Worker::finish() noexcept {
  tables_.settle_sequences(last_time_);
  events_.flush();
  tables_.publish_counts();
}

CounterSnapshot Worker::counters() const noexcept {
  CounterSnapshot snapshot;
  counters_.read_into(snapshot);
  tables_.count_into(snapshot);
  for (std::size_t kind = 0; kind < kCountOf<EventKind>; ++kind) {
    snapshot.events[kind] = events_.count(kind);
  }
  snapshot.events_dropped = events_.dropped();
  return snapshot;
}

}  // namespace hopscope::pipeline
