#include "pipeline/worker.h"

#include <utility>

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
  // A report with six hops of all fields; of shorter ones the next frame is fetched.
  for (std::size_t at = 0; at < 6 * kCacheLine; at += kCacheLine) {
    __builtin_prefetch(frame + at, 0, 2);
  }
}

ReportKind kind_of(const Report& report) noexcept {
  if (report.dropped) return ReportKind::kDrop;
  if (report.tracked) return ReportKind::kFlow;
  return report.congested ? ReportKind::kQueue : ReportKind::kOther;
}

}  // namespace

Worker::Worker(unsigned index, const WorkerShared& shared, io::FrameSource* source,
               SpscQueue<Event>& events)
    : index_(index),
      workers_(shared.workers),
      decoder_(shared.decoder),
      seed_(shared.seed),
      senders_(*shared.senders),
      source_(source),
      events_(events),
      tables_(shared.tables, shared.events, shared.units, shared.decoder.formats(), shared.seed,
              shared.workers, events_, *this),
      authority_(shared.tables, shared.events, shared.seed, events_),
      fast_(shared.decoder, shared.units, tables_, shared.seed, shared.instruction_set,
            shared.fast_path),
      loans_(shared.workers > 1 && source != nullptr ? source->capacity() : 0) {}

void Worker::connect(std::vector<Link*> to, std::vector<Link*> from) {
  to_ = std::move(to);
  from_ = std::move(from);
}

std::size_t Worker::run_once(bool receive) noexcept {
  std::size_t work = 0;
  if (workers_ > 1) work += take_returns() + take_messages();
  if (receive && source_ != nullptr) work += receive_batch();
  if (work != 0) {
    events_.flush();
    tables_.publish_counts();
  }
  return work;
}

// Flattened: what it calls is small, and is called from nowhere else in the program's loop.
[[gnu::flatten]] bool Worker::put_in_group(const Frame& frame, std::size_t number,
                                           bool is_borrowed) noexcept {
  const ReportShape* shape = fast_.shape_of(frame.bytes, is_borrowed);
  if (shape == nullptr) return false;
  FastPath::Item& item = fast_.read(frame.bytes, *shape);
  const bool is_foreign = owner_of(item.hash) != index_;
  if (is_foreign && is_borrowed) return false;
  if (second_.now_ns != frame.time.now_ns) {
    second_ = {.now_ns = frame.time.now_ns, .now_s = seconds_of(frame.time.now_ns)};
  }
  item.time = frame.time;
  item.now_s = second_.now_s;
  item.number = static_cast<std::uint32_t>(number);
  item.is_foreign = is_foreign;
  item.is_borrowed = is_borrowed;
  fast_.keep();
  if (fast_.is_full()) apply_group();
  return true;
}

std::size_t Worker::receive_batch() noexcept {
  const std::size_t count = source_->receive(batch_);
  if (count == 0) return 0;
  replays_ = batch_.frame_time_ns != nullptr;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) prefetch_headers(batch_.data[i + kAhead]);
    bytes += batch_.length[i];
    Frame frame = frame_of_batch(i);
    saw(frame.time);
    if (replays_ && tables_.is_due(frame.time)) {
      apply_group();
      tables_.housekeep(frame.time, kAllRows);
    }
    if (put_in_group(frame, i, false)) continue;
    apply_group();
    process(frame);
    finish_frame(frame);
  }
  apply_group();
  flush_returns();
  counters_.frames.add(count);
  counters_.bytes.add(bytes);
  counters_.batches.add(1);
  if (!replays_) {
    const std::int64_t now_ns = batch_.receive_time_ns;
    busy_.batch(now_ns, counters_);
    tables_.housekeep({.receive_ns = now_ns, .now_ns = clock_.at(now_ns)}, kRowsPerBatch);
  }
  return count;
}

Worker::Frame Worker::frame_of_batch(std::size_t i) noexcept {
  const std::int64_t time_ns = batch_.time_ns(i);
  return {.bytes = Bytes(batch_.data[i], batch_.length[i]),
          .time = {.receive_ns = time_ns, .now_ns = clock_.at(time_ns)},
          .handle = batch_.handle[i],
          .loan = kNoLoan};
}

void Worker::finish_frame(const Frame& frame) noexcept {
  if (frame.loan == kNoLoan) {
    done_[done_count_++] = frame.handle;
  } else {
    give_back(frame.loan);
  }
}

bool Worker::take_regular(std::size_t i) noexcept {
  const FastPath::Item& item = fast_.item(i);
  if (!fast_.is_regular(i)) return false;
  if (!item.is_borrowed) {
    // Those that spoke lately and are known here are this worker's.
    const bool is_next = tables_.observe_next_sequence(
        sender_in(*item.shape, item.frame), sequence_in(*item.shape, item.frame), item.now_s);
    if (!is_next) note_sequence(sequence_of(item));
  }
  fast_.take(i);
  if (item.is_borrowed) {
    return_loan(inbox_[item.number].frame);
  } else {
    done_[done_count_++] = batch_.handle[item.number];
  }
  return true;
}

[[gnu::flatten]] void Worker::apply_group() noexcept {
  if (fast_.is_empty()) return;
  fast_.prepare();
  const ReportShape* shape = nullptr;  // of the `same` frames before this one
  std::uint64_t same = 0;
  const auto count_same = [&] {
    if (same == 0) return;
    counters_.decoded.add(same);
    counters_.regular_reports.add(same);
    count_reports(*shape, same);
    same = 0;
  };
  for (std::size_t i = 0; i < fast_.count(); ++i) {
    const FastPath::Item& item = fast_.item(i);
    if (item.is_foreign) {
      lend_item(item);
    } else if (!take_regular(i)) {
      process_item(item);
      fast_.look_again_behind(i);
    } else if (item.is_borrowed) {
      // The lender counts it.
      counters_.regular_reports.add(1);
    } else {
      if (shape != item.shape) count_same();
      shape = item.shape;
      ++same;
    }
  }
  count_same();
  fast_.clear();
}

void Worker::lend_item(const FastPath::Item& item) noexcept {
  Frame frame{.bytes = Bytes(item.frame, item.length),
              .time = item.time,
              .handle = batch_.handle[item.number],
              .loan = kNoLoan};
  note_sequence(sequence_of(item));
  count_reports(*item.shape, 1);
  (lend(frame, owner_of(item.hash)) ? counters_.decoded : counters_.handoff_dropped).add(1);
  finish_frame(frame);
}

void Worker::process_item(const FastPath::Item& item) noexcept {
  may_learn_ = false;
  if (item.is_borrowed) {
    process_loan(inbox_[item.number].frame);
    return_loan(inbox_[item.number].frame);
  } else {
    Frame frame{.bytes = Bytes(item.frame, item.length),
                .time = item.time,
                .handle = batch_.handle[item.number],
                .loan = kNoLoan};
    process(frame);
    finish_frame(frame);
  }
  may_learn_ = true;
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
  tables_.housekeep({.receive_ns = now_ns, .now_ns = clock_.at(now_ns)}, kRowsPerIdle);
  events_.flush();
  tables_.publish_counts();
}

void Worker::finish() noexcept {
  tables_.settle_sequences(last_time_);
  events_.flush();
  tables_.publish_counts();
}

void Worker::process(Frame& frame) noexcept {
  OuterHeaders outer;
  const DecodeError outer_error = decoder_.outer(frame.bytes, outer);
  if (outer_error != DecodeError::kNone) {
    count_error(outer_error);
    counters_.dropped[static_cast<std::size_t>(outer_error)].add(1);
    return;
  }
  std::uint32_t reports = 0;
  DecodeError error = DecodeError::kNone;
  const bool all_taken = outer.format != nullptr ? process_format(frame, outer, error)
                                                 : process_reports(frame, outer, reports, error);
  if (reports == 0 && rejects(error)) {
    counters_.dropped[static_cast<std::size_t>(error)].add(1);
  } else if (!all_taken) {
    counters_.handoff_dropped.add(1);
  } else {
    counters_.decoded.add(1);
    if (outer.ipv4_checksum_wrong) counters_.ipv4_checksum_wrong.add(1);
    if (outer.udp_checksum_wrong) counters_.udp_checksum_wrong.add(1);
  }
}

bool Worker::process_reports(Frame& frame, const OuterHeaders& outer, std::uint32_t& reports,
                             DecodeError& error) noexcept {
  ReportReader reader = decoder_.reports(outer);
  Lending lending;
  while (reader.next(report_)) {
    if (report_.is_skipped()) {
      count_error(report_.error);
      continue;
    }
    if (reports++ == 0 && !outer.data_packet) note_sequence(report_, outer, frame.time);
    count_report(report_);
    const bool has_flow = report_.has_flow4 || report_.has_flow6;
    const std::uint64_t hash = has_flow ? flow_hash(report_) : 0;
    if (!has_flow || is_own_or_lent(frame, owner_of(hash), lending)) {
      tables_.apply(report_, hash, frame.time);
    }
  }
  error = reader.error();
  if (error != DecodeError::kNone) count_error(error);
  learn_from(frame.bytes, outer, reports, error);
  return lending.all_taken;
}

bool Worker::process_format(Frame& frame, const OuterHeaders& outer, DecodeError& error) noexcept {
  Lending lending;
  error = read_format(outer, frame.time, [&](unsigned owner) noexcept {
    counters_.format_records.add(1);
    return is_own_or_lent(frame, owner, lending);
  });
  if (error != DecodeError::kNone) count_error(error);
  return lending.all_taken;
}

template <typename IsOwn>
DecodeError Worker::read_format(const OuterHeaders& outer, const FrameTime& time,
                                const IsOwn& is_own) noexcept {
  const FormatPlan& plan = *outer.format;
  const std::uint32_t weight = decoder_.dialect_of(outer.source, {}).sampling;
  return plan.read(plan.locate(outer.payload), [&](const FormatRecord& record) noexcept {
    const std::uint64_t hash = plan.hash(record.key, seed_);
    if (is_own(owner_of(hash))) tables_.apply(plan, record, hash, weight, time);
  });
}

void Worker::process_loan(const FrameLoan& loan) noexcept {
  // The lender has counted the frame and its reports; here only the keys that this worker owns.
  OuterHeaders outer;
  if (decoder_.outer(Bytes(loan.data, loan.length), outer) != DecodeError::kNone) return;
  if (outer.format != nullptr) {
    (void)read_format(outer, loan.time, [&](unsigned owner) noexcept { return owner == index_; });
    return;
  }
  ReportReader reader = decoder_.reports(outer);
  std::uint32_t reports = 0;
  while (reader.next(report_)) {
    ++reports;
    if (!report_.has_flow4 && !report_.has_flow6) continue;
    const std::uint64_t hash = flow_hash(report_);
    if (owner_of(hash) == index_) tables_.apply(report_, hash, loan.time);
  }
  learn_from(Bytes(loan.data, loan.length), outer, reports, reader.error());
}

void Worker::learn_from(Bytes frame, const OuterHeaders& outer, std::uint32_t reports,
                        DecodeError error) noexcept {
  if (may_learn_ && reports == 1 && error == DecodeError::kNone && !report_.is_skipped()) {
    fast_.learn(frame, outer, report_);
  }
}

std::uint64_t Worker::flow_hash(const Report& report) const noexcept {
  return report.has_flow4 ? hash_of(report.flow4, seed_) : hash_of(report.flow6, seed_);
}

bool Worker::is_own_or_lent(Frame& frame, unsigned owner, Lending& lending) noexcept {
  if (owner == index_) return true;
  if (((lending.to >> owner) & 1) == 0) {
    lending.all_taken = lend(frame, owner) && lending.all_taken;
    lending.to |= std::uint64_t{1} << owner;
  }
  return false;
}

void Worker::count_report(const Report& report) noexcept {
  counters_.reports.add(1);
  counters_.hops.add(report.stack.hop_count);
  counters_.reports_by[report.version][static_cast<std::size_t>(kind_of(report))].add(1);
  if (report.error != DecodeError::kNone) count_error(report.error);
}

void Worker::count_error(DecodeError error) noexcept {
  counters_.errors[static_cast<std::size_t>(error)].add(1);
}

void Worker::note_sequence(const Report& report, const OuterHeaders& outer,
                           const FrameTime& time) noexcept {
  // In 0.5 one counter runs through reports that name a node and such that do not (section 3.1).
  const bool counts_by_node = report.has_node_id && report.version != 0;
  const SequenceNumber number{.source = outer.source,
                              .hw_id = report.hw_id,
                              .bits = report.sequence_bits,
                              .version = report.version,
                              .deviations = deviations_of(outer, report),
                              .switch_id = counts_by_node ? report.node_id : kNoSwitch,
                              .number = report.sequence,
                              .time = time};
  note_sequence(number);
}

void Worker::note_sequence(const SequenceNumber& number) noexcept {
  const unsigned owner =
      workers_ == 1 ? index_ : senders_.owner_of(hash_of(number.sender(), seed_), index_);
  if (owner == index_) {
    tables_.observe_sequence(number);
    return;
  }
  Message message;
  message.kind = Message::Kind::kSequence;
  message.sequence = number;
  if (!to_[owner]->messages.push(message)) counters_.changes_dropped.add(1);
}

bool Worker::lend(Frame& frame, unsigned owner) noexcept {
  if (frame.loan == kNoLoan) {
    if (loans_.empty()) return false;
    frame.loan = loans_.open(frame.handle);
  }
  Message message;
  message.kind = Message::Kind::kFrame;
  message.frame = {.data = frame.bytes.data(),
                   .length = static_cast<std::uint32_t>(frame.bytes.size()),
                   .loan = frame.loan,
                   .time = frame.time};
  if (!to_[owner]->messages.push(message)) return false;
  loans_.add_holder(frame.loan);
  return true;
}

void Worker::give_back(std::uint32_t loan) noexcept {
  io::FrameHandle handle = 0;
  if (!loans_.give_back(loan, handle)) return;
  if (done_count_ == done_.size()) flush_returns();
  done_[done_count_++] = handle;
}

void Worker::flush_returns() noexcept {
  if (done_count_ == 0) return;
  source_->release(done_.data(), done_count_);
  done_count_ = 0;
}

std::size_t Worker::take_returns() noexcept {
  std::size_t work = 0;
  for (Link* link : to_) {
    if (link == nullptr) continue;
    const std::size_t count = link->returns.pop(returned_.data(), returned_.size());
    for (std::size_t i = 0; i < count; ++i) give_back(returned_[i]);
    work += count;
  }
  flush_returns();
  return work;
}

std::size_t Worker::take_messages() noexcept {
  std::size_t work = 0;
  for (unsigned from = 0; from < from_.size(); ++from) {
    if (from_[from] == nullptr) continue;
    const std::size_t count = from_[from]->messages.pop(inbox_.data(), inbox_.size());
    inbox_from_ = from;
    for (std::size_t i = 0; i < count; ++i) take_message(i, from);
    apply_group();
    work += count;
  }
  return work;
}

void Worker::take_message(std::size_t number, unsigned from) noexcept {
  const Message& message = inbox_[number];
  if (message.kind == Message::Kind::kFrame) {
    const FrameLoan& loan = message.frame;
    saw(loan.time);
    const Frame frame{
        .bytes = Bytes(loan.data, loan.length), .time = loan.time, .handle = 0, .loan = kNoLoan};
    if (put_in_group(frame, number, true)) return;
  }
  apply_group();
  switch (message.kind) {
    case Message::Kind::kFrame:
      saw(message.frame.time);
      process_loan(message.frame);
      return_loan(message.frame);
      break;
    case Message::Kind::kChange:
      decide(message.change, from);
      break;
    case Message::Kind::kInterval:
      tables_.set_interval(message.change);
      break;
    case Message::Kind::kSequence:
      saw(message.sequence.time);
      tables_.observe_sequence(message.sequence);
      break;
  }
}

void Worker::return_loan(const FrameLoan& loan) noexcept {
  // Sized for every frame that the lender has: there is always room.
  (void)from_[inbox_from_]->returns.push(loan.loan);
}

bool Worker::route(const RowChange& change) noexcept {
  const unsigned owner = owner_of(hash_of(port_key(change.switch_id, change.port), seed_));
  if (owner != index_) {
    Message message;
    message.kind = Message::Kind::kChange;
    message.change = change;
    if (to_[owner]->messages.push(message)) return true;
    counters_.changes_dropped.add(1);
    return false;
  }
  RowChange decided = change;
  const Authority::Verdict verdict = authority_.decide(decided);
  if (verdict == Authority::Verdict::kAccepted) {
    for (unsigned to = 0; to < to_.size(); ++to) tell_interval(decided, to);
  }
  return verdict != Authority::Verdict::kRefused;
}

void Worker::decide(RowChange change, unsigned from) noexcept {
  switch (authority_.decide(change)) {
    case Authority::Verdict::kAccepted:
      for (unsigned to = 0; to < to_.size(); ++to) {
        if (to != from) tell_interval(change, to);
      }
      tables_.set_interval(change);
      break;
    case Authority::Verdict::kRefused:
      tell_interval(change, from);
      break;
    case Authority::Verdict::kKnown:
      break;
  }
}

void Worker::tell_interval(const RowChange& change, unsigned to) noexcept {
  if (to == index_) return;
  Message message;
  message.kind = Message::Kind::kInterval;
  message.change = change;
  if (!to_[to]->messages.push(message)) counters_.changes_dropped.add(1);
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
