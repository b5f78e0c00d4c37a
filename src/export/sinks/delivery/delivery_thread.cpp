// The thread of a sink: takes batches, delivers them, and says what became of them.

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/printable.h"
#include "export/sinks/delivery/delivery.h"

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// How often the spool is looked after while nothing else happens.
constexpr milliseconds kTick{20};
/// Complaints of one sink about the same thing are this far apart.
constexpr std::chrono::seconds kQuiet{60};
/// Further records are read back while fewer than this many batches are in memory.
constexpr std::size_t kBatchesAhead = 2;
/// Of a record that is shown to people.
constexpr std::size_t kSampleBytes = 200;

}  // namespace

void Delivery::run() {
  pthread_setname_np(pthread_self(), ("sink-" + name_).substr(0, 15).c_str());
  while (wait_for_batch()) {
    take_batch();
    reopen_if_asked();
    deliver_batch();
  }
  const std::lock_guard lock(mutex_);
  is_finished_ = true;
  moved_.notify_all();
}

void Delivery::reopen_if_asked() {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    wanted = std::exchange(wants_reopen_, false);
  }
  if (!wanted) return;
  const std::string wrong = sink_->reopen();
  if (!wrong.empty() && warn_) warn_(wrong);
}

/// False: the end has come.
bool Delivery::wait_for_batch() {
  std::unique_lock lock(mutex_);
  while (true) {
    tick_spool();
    look_after_held();
    const bool must_again = held_.wants_again();
    if (is_stopping_ && window_.empty() && batch_.empty() && !has_backlog() && !must_again) {
      return false;
    }
    if (is_stopping_ && Clock::now() >= stop_by_) return false;
    if (!batch_.empty() || wants_reopen_) return true;
    if (must_again) {
      lock.unlock();
      const bool took = take_batch_again();
      lock.lock();
      if (took) return true;
      wake_.wait_for(lock, kTick);
      continue;
    }
    if (has_backlog() && window_.size() < kBatchesAhead * options_.batch_records) {
      lock.unlock();
      refill();
      lock.lock();
    }
    const auto now = Clock::now();
    if (is_batch_ready(now)) return true;
    milliseconds wait = kTick;
    if (waits_since_) {
      const auto due = *waits_since_ + in_ms(options_.batch_age_s) - now;
      wait = std::clamp(std::chrono::ceil<milliseconds>(due), milliseconds(1), kTick);
    }
    wake_.wait_for(lock, wait);
  }
}

bool Delivery::is_batch_ready(Clock::time_point now) const {
  if (window_.empty()) return false;
  return is_stopping_ || window_.size() >= options_.batch_records ||
         window_bytes_ >= options_.batch_bytes ||
         (waits_since_ && now - *waits_since_ >= in_ms(options_.batch_age_s));
}

std::size_t Delivery::allowed_from_spool() {
  const std::uint64_t live = std::exchange(live_on_disk_, 0);
  if (options_.replay_rate <= 0) return options_.batch_records;
  const auto now = Clock::now();
  const std::chrono::duration<double> passed = now - allowed_at_;
  allowed_at_ = now;
  // At most a batch at once, whatever time has passed.
  const double most = std::max<double>(options_.batch_records, allowance_);
  allowance_ = std::min(most, allowance_ + passed.count() * options_.replay_rate) +
               static_cast<double>(live);
  return std::min<std::size_t>(options_.batch_records, static_cast<std::size_t>(allowance_));
}

/// Brings records that are on the disk only into memory. May wait on the disk, without the lock.
void Delivery::refill() {
  std::size_t most = 0;
  std::uint64_t from = 0;
  {
    const std::lock_guard lock(mutex_);
    // Another thread may have found meanwhile that the caps took it all; what is new then goes into
    // memory at once, and must not be read as well.
    if (!has_backlog()) return;
    most = allowed_from_spool();
    if (most == 0) return;
    if (window_bytes_ + options_.batch_bytes > options_.memory_bytes && !window_.empty()) return;
    from = disk_from_;
    is_reading_back_ = true;
  }
  std::vector<Spool::Stored> stored;
  spool_->read(from, most, options_.batch_bytes, stored);
  const std::lock_guard lock(mutex_);
  tick_spool();
  allowance_ -= static_cast<double>(stored.size());
  if (window_.empty() && !stored.empty()) waits_since_ = Clock::now();
  for (Spool::Stored& one : stored) {
    if (one.number < disk_from_) continue;
    lose_until(one.number);
    disk_from_ = one.number + 1;
    window_bytes_ += one.record.size() + sizeof(Record);
    window_.push_back({.number = one.number,
                       .time_ns = one.time_ns,
                       .bytes = std::move(one.record),
                       .is_on_disk = true});
  }
  // Damage to the last ones leaves nothing behind them that would tell.
  if (stored.empty() && spool_->records(disk_from_, next_) == 0) lose_until(next_);
  is_reading_back_ = false;
  settle_removed();
}

/// What is held goes again where its connection has ended, and leaves when its time is over.
void Delivery::look_after_held() {
  if (!spool_ || held_.count() == 0) return;
  if (!sink_->is_connected()) held_.lost();
  spool_->acknowledge(held_.release(Clock::now()));
}

/// Brings back what was delivered and must go again. May wait on the disk, without the lock.
bool Delivery::take_batch_again() {
  std::size_t most = 0;
  std::uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    batch_from_ = held_.next();
    end = held_.again_end();
    most = std::min<std::uint64_t>(allowed_from_spool(), end - batch_from_);
  }
  if (most == 0) return false;
  std::vector<Spool::Stored> stored;
  spool_->read(batch_from_, most, options_.batch_bytes, stored);
  for (Spool::Stored& one : stored) {
    if (one.number >= end) break;
    batch_.push_back({.number = one.number,
                      .time_ns = one.time_ns,
                      .bytes = std::move(one.record),
                      .is_on_disk = true});
  }
  const std::lock_guard lock(mutex_);
  allowance_ -= static_cast<double>(batch_.size());
  is_batch_sent_again_ = !batch_.empty();
  if (!batch_.empty()) return true;
  // The caps or damage took the rest; else the disk could not be read just now.
  if (spool_->records(batch_from_, end) == 0) held_.delivered(batch_from_, end, Clock::now());
  return false;
}

void Delivery::take_batch() {
  const std::lock_guard lock(mutex_);
  if (!batch_.empty()) return;
  is_batch_sent_again_ = false;
  if (!window_.empty()) batch_from_ = window_.front().number;
  std::uint64_t bytes = 0;
  while (!window_.empty() && batch_.size() < options_.batch_records &&
         (batch_.empty() || bytes + window_.front().bytes.size() <= options_.batch_bytes)) {
    bytes += window_.front().bytes.size();
    window_bytes_ -= window_.front().bytes.size() + sizeof(Record);
    batch_.push_back(std::move(window_.front()));
    window_.pop_front();
  }
  in_batch_ = batch_.size();
  moved_.notify_all();
  waits_since_.reset();
  if (!window_.empty()) waits_since_ = Clock::now();
}

/// Until all of the batch is gone, or the end has come.
void Delivery::deliver_batch() {
  while (!batch_.empty() && !is_over()) {
    reopen_if_asked();
    const std::size_t count = std::min(most_, batch_.size());
    settle(sink_->deliver(std::span(batch_).first(count)), count);
  }
}

void Delivery::settle(const Outcome& outcome, std::size_t count) {
  using Result = Outcome::Result;
  if (outcome.reconnected) {
    const std::lock_guard lock(mutex_);
    held_.lost();
  }
  if (outcome.result == Result::kDelivered) {
    settle_delivered(count, std::min<std::uint64_t>(outcome.refused, count), outcome.detail);
    most_ = std::min<std::size_t>(options_.batch_records, 2 * most_);
    return;
  }
  const std::size_t taken = std::min(outcome.taken, count);
  if (taken > 0) {
    const std::uint64_t refused = std::min<std::uint64_t>(outcome.refused, taken);
    settle_delivered(taken, refused, refused > 0 ? outcome.detail : "");
  }
  const std::size_t left = count - taken;
  if (left == 0 || outcome.result == Result::kPartly) return;
  if (outcome.result == Result::kTooLarge && left > 1) {
    most_ = (left + 1) / 2;
  } else if (outcome.result == Result::kTryAgain) {
    try_again(outcome);
  } else {
    refuse(left, outcome.detail);
  }
}

/// The first `count` of the batch were delivered, but for `refused`.
void Delivery::settle_delivered(std::size_t count, std::uint64_t refused,
                                const std::string& detail) {
  if (is_batch_sent_again_) return settle_again(count, detail);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += batch_[i].bytes.size();
  {
    const std::lock_guard lock(mutex_);
    counts_.delivered += count - refused;
    counts_.bytes_delivered += bytes;
    ++counts_.batches;
    is_trying_again_ = false;
    has_dropped_ = false;
    drop(DropReason::kRefused, refused);
    trouble_ = refused > 0 ? detail : "";
    done(count);
  }
  if (refused > 0)
    say(fmt::format("refused {} of {} records: {}", refused, count, detail), refusals_said_at_);
  backoff_.reset();
}

/// The first `count` of the batch never will be.
void Delivery::refuse(std::size_t count, const std::string& detail) {
  if (is_batch_sent_again_) return settle_again(count, detail);
  say(fmt::format("refused {} records, the first of them \"{}\": {}", count,
                  printable(batch_.front().bytes, kSampleBytes), detail),
      refusals_said_at_);
  const std::lock_guard lock(mutex_);
  drop(DropReason::kRefused, count);
  is_trying_again_ = false;
  trouble_ = detail;
  done(count);
  backoff_.reset();
}

/// The first `count` of the batch had been delivered before, which they stay, whatever the other
/// side says now.
void Delivery::settle_again(std::size_t count, const std::string& refusal) {
  if (!refusal.empty()) {
    say(fmt::format("refused some of {} records that were sent again: {}", count, refusal),
        refusals_said_at_);
  }
  const std::lock_guard lock(mutex_);
  counts_.sent_again += count;
  is_trying_again_ = false;
  trouble_ = refusal;
  done(count);
  backoff_.reset();
}

void Delivery::try_again(const Outcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_.retries;
    is_trying_again_ = true;
    trouble_ = outcome.detail;
  }
  say("tries again: " + outcome.detail, tries_said_at_);
  const milliseconds wait = backoff_.next();
  pause(std::max(wait, outcome.retry_after.value_or(wait)));
}

/// The first `count` of the batch are settled.
void Delivery::done(std::size_t count) {
  if (spool_) {
    const auto now = Clock::now();
    held_.delivered(batch_from_, batch_[count - 1].number + 1, now);
    batch_from_ = batch_[count - 1].number + 1;
    spool_->acknowledge(held_.release(now));
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
  in_batch_ = is_batch_sent_again_ ? 0 : batch_.size();
}

void Delivery::pause(milliseconds duration) {
  const auto until = Clock::now() + duration;
  std::unique_lock lock(mutex_);
  while (Clock::now() < until && !wants_reopen_ && !(is_stopping_ && Clock::now() >= stop_by_)) {
    // What waits when the end comes is tried once more at once.
    if (is_stopping_ && !std::exchange(has_tried_at_end_, true)) return;
    tick_spool();
    wake_.wait_for(lock, std::min(kTick, std::chrono::ceil<milliseconds>(until - Clock::now())));
  }
}

bool Delivery::is_over() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_ && Clock::now() >= stop_by_;
}

/// Unless the like of it was said a short while ago.
void Delivery::say(const std::string& what, Clock::time_point& said_at) {
  const auto now = Clock::now();
  if (!warn_ || (said_at != Clock::time_point{} && now - said_at < kQuiet)) return;
  said_at = now;
  warn_(fmt::format("sink {}: {}", name_, what));
}

}  // namespace hopscope::exporter
