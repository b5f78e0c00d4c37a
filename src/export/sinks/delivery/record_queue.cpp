#include "export/sinks/delivery/record_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/wall_clock.h"

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// Producers that can wait do so while more records than this wait for the disk.
constexpr std::uint64_t kMaxUnwritten = 10'000;
constexpr milliseconds kDiskPoll{2};
/// The spool is serviced this often while nothing else happens.
constexpr milliseconds kTick{20};

}  // namespace

// ---- making records ----

void RecordQueue::offer(const Item& item, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  sink_.encode(item, now_ns, made_);
  add_made(now_ns);
}

void RecordQueue::offer(std::span<const pipeline::Event> events, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Event& event : events) {
    sink_.encode(&event, now_ns, made_);
    add_made(now_ns);
  }
  tick_spool();
}

void RecordQueue::end_of_rows(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  sink_.end_of_rows(now_ns, made_);
  add_made(now_ns);
}

void RecordQueue::add_made(std::int64_t now_ns) {
  std::string_view left = made_;
  while (!left.empty()) {
    const std::size_t length = std::clamp<std::size_t>(sink_.first_record(left), 1, left.size());
    add(left.substr(0, length), now_ns);
    left.remove_prefix(length);
  }
  made_.clear();
}

/// With a spool every record goes there at once, and into memory as well where it follows the
/// newest one that is there.
void RecordQueue::add(std::string_view record, std::int64_t now_ns) {
  ++counts_.produced;
  const bool on_disk = spool_ && keep_on_disk(record, now_ns);
  const std::size_t bytes = record.size() + sizeof(Record);
  // A record that is not on the disk must not wait behind records that are only there.
  if (!on_disk && (bytes > options_.memory_bytes || has_backlog())) {
    drop(DropReason::kMemoryFull, 1);
    return;
  }
  if (!spool_) make_room(bytes);
  const bool fits = !has_backlog() && window_bytes_ + bytes <= options_.memory_bytes;
  if (fits) {
    push({.number = next_, .time_ns = now_ns, .bytes = std::string(record), .is_on_disk = on_disk});
    disk_from_ = next_ + 1;
  }
  if (fits || on_disk) {
    ++next_;
    // Made while the spool is behind: not counted as replay.
    if (!fits) ++live_on_disk_;
  } else {
    drop(DropReason::kMemoryFull, 1);
  }
  if (window_.size() == options_.batch_records || window_.size() == 1) wake_.notify_one();
}

void RecordQueue::push(Record record) {
  HOPSCOPE_ASSERT(window_.empty() || window_.back().number < record.number);
  if (window_.empty()) waits_since_ = Clock::now();
  window_bytes_ += record.bytes.size() + sizeof(Record);
  window_.push_back(std::move(record));
}

Record RecordQueue::pop() {
  HOPSCOPE_ASSERT(!window_.empty());
  Record record = std::move(window_.front());
  window_.pop_front();
  HOPSCOPE_ASSERT(window_bytes_ >= record.bytes.size() + sizeof(Record));
  window_bytes_ -= record.bytes.size() + sizeof(Record);
  return record;
}

/// Drops the oldest.
void RecordQueue::make_room(std::size_t bytes) {
  while (!window_.empty() && window_bytes_ + bytes > options_.memory_bytes) {
    (void)pop();
    drop(DropReason::kMemoryFull, 1);
  }
  if (window_.empty()) waits_since_.reset();
}

void RecordQueue::drop(DropReason reason, std::uint64_t records) {
  if (records == 0) return;
  counts_.dropped[static_cast<std::size_t>(reason)] += records;
  has_dropped_ = true;
}

// ---- waiting ----

bool RecordQueue::has_room() const {
  if (!spool_ || spool_->is_failing()) return window_bytes_ <= options_.memory_bytes / 2;
  return spool_->unwritten() <= kMaxUnwritten;
}

/// Records that wait for the sink or for the disk.
std::uint64_t RecordQueue::waiting() const {
  return window_.size() + (spool_ ? spool_->unwritten() : 0);
}

void RecordQueue::wait_for_room(milliseconds patience) {
  std::unique_lock lock(mutex_);
  // After a wait without success the next one waits for a delivery.
  if (no_room_at_ == counts_.delivered) return;
  no_room_at_.reset();
  auto moved_at = Clock::now();
  while (!has_room() && !is_stopping_ && Clock::now() - moved_at < patience) {
    const std::uint64_t before = waiting();
    tick_spool();
    moved_.wait_for(lock, kDiskPoll);
    if (waiting() < before) moved_at = Clock::now();
  }
  if (!has_room()) no_room_at_ = counts_.delivered;
}

RecordQueue::State RecordQueue::poll(bool has_more) {
  const std::lock_guard lock(mutex_);
  tick_spool();
  if (is_stopping_) {
    const bool has_any = has_more || !window_.empty() || has_backlog();
    if (!has_any || Clock::now() >= stop_by_) return State::kEnded;
  }
  return wants_reopen_ ? State::kWantsReopen : State::kOpen;
}

bool RecordQueue::wait_for_batch() {
  std::unique_lock lock(mutex_);
  const auto now = Clock::now();
  if (is_batch_ready(now)) return true;
  milliseconds wait = kTick;
  if (waits_since_) {
    const auto due = *waits_since_ + in_ms(options_.batch_age_s) - now;
    wait = std::clamp(std::chrono::ceil<milliseconds>(due), milliseconds(1), kTick);
  }
  wake_.wait_for(lock, wait);
  return false;
}

bool RecordQueue::is_batch_ready(Clock::time_point now) const {
  if (window_.empty()) return false;
  return is_stopping_ || window_.size() >= options_.batch_records ||
         window_bytes_ >= options_.batch_bytes ||
         (waits_since_ && now - *waits_since_ >= in_ms(options_.batch_age_s));
}

void RecordQueue::wait_for_tick() {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, kTick);
}

void RecordQueue::pause(milliseconds duration) {
  const auto until = Clock::now() + duration;
  std::unique_lock lock(mutex_);
  while (Clock::now() < until && !wants_reopen_ && !(is_stopping_ && Clock::now() >= stop_by_)) {
    // What waits when the stop begins is tried once more at once.
    if (is_stopping_ && !std::exchange(has_tried_at_end_, true)) return;
    tick_spool();
    wake_.wait_for(lock, std::min(kTick, std::chrono::ceil<milliseconds>(until - Clock::now())));
  }
}

// ---- what became of records ----

void RecordQueue::take_batch(std::vector<Record>& batch) {
  HOPSCOPE_ASSERT(batch.empty());
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  while (!window_.empty() && batch.size() < options_.batch_records &&
         (batch.empty() || bytes + window_.front().bytes.size() <= options_.batch_bytes)) {
    batch.push_back(pop());
    bytes += batch.back().bytes.size();
  }
  in_batch_ = batch.size();
  moved_.notify_all();
  waits_since_.reset();
  if (!window_.empty()) waits_since_ = Clock::now();
}

void RecordQueue::settle(const Settled& settled) {
  const std::lock_guard lock(mutex_);
  counts_.delivered += settled.delivered;
  counts_.bytes_delivered += settled.bytes;
  counts_.batches += settled.batches;
  counts_.sent_again += settled.sent_again;
  is_trying_again_ = false;
  if (settled.batches > 0) has_dropped_ = false;
  drop(DropReason::kRefused, settled.refused);
  trouble_ = settled.trouble;
  HOPSCOPE_ASSERT(settled.left <= in_batch_);
  in_batch_ = settled.left;
}

void RecordQueue::count_retry(const std::string& trouble) {
  const std::lock_guard lock(mutex_);
  ++counts_.retries;
  is_trying_again_ = true;
  trouble_ = trouble;
}

DeliveryCounts RecordQueue::counts() const {
  const std::lock_guard lock(mutex_);
  DeliveryCounts counts = counts_;
  counts.in_memory = window_.size() + in_batch_;
  counts.suppressed = sink_.suppressed();
  if (spool_) {
    counts.spool_bytes = spool_->bytes();
    counts.spool_unwritten = spool_->unwritten();
    counts.spool_failing = spool_->is_failing();
  }
  counts.in_spool = next_ - disk_from_ + kept_;
  counts.state = has_dropped_       ? SinkState::kDropping
                 : has_backlog()    ? SinkState::kSpooling
                 : is_trying_again_ ? SinkState::kRetrying
                                    : SinkState::kOk;
  return counts;
}

std::string RecordQueue::trouble() const {
  const std::lock_guard lock(mutex_);
  if (spool_ && spool_->is_failing()) return spool_->failure();
  return trouble_;
}

// ---- control ----

void RecordQueue::request_reopen() {
  const std::lock_guard lock(mutex_);
  wants_reopen_ = true;
  wake_.notify_one();
}

bool RecordQueue::take_reopen_request() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wants_reopen_, false);
}

void RecordQueue::begin_stop() {
  const std::lock_guard lock(mutex_);
  if (!is_stopping_) stop_by_ = Clock::now() + in_ms(options_.stop_timeout_s);
  is_stopping_ = true;
  wake_.notify_all();
}

bool RecordQueue::is_over() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_ && Clock::now() >= stop_by_;
}

void RecordQueue::finish() {
  const std::lock_guard lock(mutex_);
  is_finished_ = true;
  moved_.notify_all();
}

void RecordQueue::wait_for_finish() {
  std::unique_lock lock(mutex_);
  moved_.wait_until(lock, stop_by_, [this] { return is_finished_; });
}

void RecordQueue::close(const std::vector<Record>& batch) {
  const std::lock_guard lock(mutex_);
  std::uint64_t kept = 0;
  if (spool_) {
    // The result does not matter: written() says what is in files.
    (void)spool_->flush();
    tick_spool();
    const std::uint64_t from = spool_->first();
    const std::uint64_t to = spool_->written();
    const auto is_kept = [&](const Record& record) {
      return record.is_on_disk && record.number >= from && record.number < to;
    };
    kept = static_cast<std::uint64_t>(std::count_if(batch.begin(), batch.end(), is_kept) +
                                      std::count_if(window_.begin(), window_.end(), is_kept));
    const std::uint64_t end = std::max(disk_from_, std::min(to, next_));
    drop(DropReason::kShutdown, next_ - end);
    next_ = end;
  }
  drop(DropReason::kShutdown, window_.size() + batch.size() - kept);
  kept_ += kept;
  window_.clear();
  window_bytes_ = 0;
  in_batch_ = 0;
}

}  // namespace hopscope::exporter
