#include "pipeline/worker/worker.h"

#include <cstdint>
#include <utility>

#include "base/prefetch.h"
#include "pipeline/simd/compiled_for.h"
#include "pipeline/worker/worker_line.h"

namespace hopscope::pipeline {
namespace {

/// Buckets and rows that housekeeping may look at: after a batch, with nothing else to do, and
/// before a frame of a replay, where hours may have passed since the one before.
constexpr std::uint32_t kRowsPerBatch = 64;
constexpr std::uint32_t kRowsPerIdle = 4096;
constexpr std::uint32_t kAllRows = 0xFFFF'FFFF;

/// Frames whose headers are fetched before it is their turn.
constexpr std::size_t kAhead = 8;

void prefetch_headers(const std::uint8_t* frame) noexcept {
  // A report with six hops of all fields; of shorter ones what lies behind them is fetched, which
  // is no matter of pointers then: an empty frame need not be anywhere.
  const auto from = reinterpret_cast<std::uintptr_t>(frame);
  for (std::size_t at = 0; at < 6 * kCacheLine; at += kCacheLine) {
    prefetch(reinterpret_cast<const void*>(from + at));
  }
}

}  // namespace

Worker::Worker(unsigned index, const WorkerShared& shared, io::FrameSource* source,
               SpscQueue<Event>& events)
    : share_(index, shared.workers),
      decoder_(shared.decoder),
      seed_(shared.seed),
      senders_(*shared.senders),
      source_(source),
      events_(events),
      tables_(shared.tables, shared.events, shared.units, shared.decoder.formats(), shared.seed,
              shared.workers, shared.exact_times, events_, *this),
      authority_(shared.tables, shared.events, shared.seed, events_),
      set_(shared.instruction_set),
      fast_({.decoder = shared.decoder,
             .units = shared.units,
             .tables = tables_,
             .seed = shared.seed,
             .share = share_,
             .is_on = shared.fast_path}),
      loans_(shared.workers > 1 && source != nullptr ? source->capacity() : 0) {}

void Worker::connect(std::vector<Link*> to, std::vector<Link*> from) {
  to_ = std::move(to);
  from_ = std::move(from);
}

std::size_t Worker::run_once(bool receive) noexcept {
  std::size_t work = 0;
  if (share_.workers() > 1) work += take_returns() + take_messages();
  std::size_t frames = 0;
  if (receive && source_ != nullptr) {
    frames = compiled_for(set_, [this](auto set) noexcept { return receive_batch<set()>(); });
  }
  // Where others' frames keep it busy it has neither batches nor idle time.
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
    drain();
    Frame to_check{
        .bytes = frame.bytes, .time = frame.time, .handle = frame.handle, .loan = kNoLoan};
    process(to_check);
    finish_frame(to_check);
  }
  drain();
  flush_returns();
  counters_.frames.add(count);
  counters_.bytes.add(bytes);
  counters_.batches.add(1);
  if (!replays_) {
    busy_.batch(batch_.receive_time_ns, counters_);
    tables_.housekeep(time, kRowsPerBatch);
  }
  return count;
}

void Worker::finish_frame(const Frame& frame) noexcept {
  if (frame.loan == kNoLoan) {
    put_back(frame.handle);
  } else {
    give_back(frame.loan);
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

void Worker::lend_item(const FastPath::Item& item) noexcept {
  Frame frame{.bytes = Bytes(item.frame, item.length),
              .time = item.time,
              .handle = item.handle,
              .loan = kNoLoan};
  note_sequence(sequence_of(item));
  count_reports(*item.shape, 1);
  (lend(frame, share_.owner_of(item.hash)) ? counters_.decoded : counters_.handoff_dropped).add(1);
  finish_frame(frame);
}

void Worker::process_item(const FastPath::Item& item) noexcept {
  if (item.is_borrowed) {
    const auto loan = static_cast<std::uint32_t>(item.handle);
    process_loan({.data = item.frame, .length = item.length, .loan = loan, .time = item.time});
    return_loan(loan);
  } else {
    Frame frame{.bytes = Bytes(item.frame, item.length),
                .time = item.time,
                .handle = item.handle,
                .loan = kNoLoan};
    process(frame);
    finish_frame(frame);
  }
}

SequenceNumber Worker::sequence_of(const FastPath::Item& item) noexcept {
  const ReportShape& shape = *item.shape;
  return {.source = source_in(shape, item.frame),
          .hw_id = hw_id_in(shape, item.frame),
          .bits = shape.sequence_bits(),
          .version = shape.version,
          .deviations = shape.deviations,
          .switch_id = shape.counts_by_node() ? node_id_in(shape, item.frame) : kNoSwitch,
          .number = sequence_in(shape, item.frame),
          .time = item.time};
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
    // A capture's clock stands still between its frames.
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
