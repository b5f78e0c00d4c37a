#include "export/sinks/delivery/delivery_thread.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/printable.h"

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// Time between two warnings of one sink about the same thing.
constexpr std::chrono::seconds kQuiet{60};
/// Of a record that is shown to people.
constexpr std::size_t kSampleBytes = 200;

}  // namespace

DeliveryThread::DeliveryThread(std::string name, Sink& sink, RecordQueue& queue,
                               const DeliveryOptions& options, Warn warn)
    : name_(std::move(name)),
      sink_(sink),
      queue_(queue),
      max_batch_records_(options.batch_records),
      warn_(std::move(warn)),
      attempt_records_(options.batch_records),
      held_(in_ms(options.spool.keep_delivered_s), queue.first()),
      backoff_(in_ms(options.retry_first_s), in_ms(options.retry_most_s)),
      replay_rate_(options.replay_rate, options.batch_records, Clock::now()) {}

void DeliveryThread::start() {
  HOPSCOPE_ASSERT(!is_started());
  thread_ = std::thread([this] { run(); });
}

void DeliveryThread::join() {
  thread_.join();
}

std::vector<Record> DeliveryThread::take_undelivered() {
  HOPSCOPE_ASSERT(!is_started());
  std::vector<Record> batch = std::exchange(batch_, {});
  if (is_batch_sent_again_) batch.clear();
  return batch;
}

void DeliveryThread::run() {
  pthread_setname_np(pthread_self(), ("sink-" + name_).substr(0, 15).c_str());
  while (wait_for_batch()) {
    if (batch_.empty()) take_batch();
    reopen_if_asked();
    deliver_batch();
  }
  queue_.finish();
}

void DeliveryThread::reopen_if_asked() {
  if (!queue_.take_reopen_request()) return;
  const std::string wrong = sink_.reopen();
  if (!wrong.empty() && warn_) warn_(wrong);
}

/// False: the end has come.
bool DeliveryThread::wait_for_batch() {
  while (true) {
    check_held();
    const bool must_again = held_.wants_again();
    const RecordQueue::State state = queue_.poll(!batch_.empty() || must_again);
    if (state == RecordQueue::State::kEnded) return false;
    if (!batch_.empty() || state == RecordQueue::State::kWantsReopen) return true;
    if (must_again) {
      if (take_batch_again()) return true;
      queue_.wait_for_tick();
      continue;
    }
    queue_.refill(replay_rate_);
    if (queue_.wait_for_batch()) return true;
  }
}

/// Held records are sent again if their connection has ended, and leave when their time is over.
void DeliveryThread::check_held() {
  if (!queue_.has_spool() || held_.count() == 0) return;
  if (!sink_.is_connected()) lose_held();
  release_held(Clock::now());
}

/// The connection over which they were delivered ended.
void DeliveryThread::lose_held() {
  held_.lost();
  held_count_.store(held_.count(), std::memory_order_relaxed);
}

void DeliveryThread::release_held(Clock::time_point now) {
  queue_.acknowledge(held_.release(now));
  held_count_.store(held_.count(), std::memory_order_relaxed);
}

/// Reads back what was delivered and must be sent again. May wait for the disk.
bool DeliveryThread::take_batch_again() {
  HOPSCOPE_ASSERT(batch_.empty() && held_.wants_again());
  batch_from_ = held_.next();
  const std::uint64_t end = held_.again_end();
  const bool is_there = queue_.read_delivered(batch_from_, end, replay_rate_, batch_);
  is_batch_sent_again_ = !batch_.empty();
  // The limits of the spool or damage took the rest.
  if (!is_there) held_.delivered(batch_from_, end, Clock::now());
  return !batch_.empty();
}

void DeliveryThread::take_batch() {
  is_batch_sent_again_ = false;
  queue_.take_batch(batch_);
  if (!batch_.empty()) batch_from_ = batch_.front().number;
}

/// Until all of the batch is settled, or the end has come.
void DeliveryThread::deliver_batch() {
  while (!batch_.empty() && !queue_.is_over()) {
    reopen_if_asked();
    const std::size_t count = std::min(attempt_records_, batch_.size());
    settle(sink_.deliver(std::span(batch_).first(count)), count);
  }
}

void DeliveryThread::settle(const Outcome& outcome, std::size_t count) {
  using Result = Outcome::Result;
  if (outcome.reconnected) lose_held();
  if (outcome.result == Result::kDelivered) {
    settle_delivered(count, std::min<std::uint64_t>(outcome.refused, count), outcome.detail);
    attempt_records_ = std::min(max_batch_records_, 2 * attempt_records_);
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
    attempt_records_ = (left + 1) / 2;
  } else if (outcome.result == Result::kTryAgain) {
    try_again(outcome);
  } else {
    settle_refused(left, outcome.detail);
  }
}

/// The first `count` of the batch were delivered, except `refused` of them.
void DeliveryThread::settle_delivered(std::size_t count, std::uint64_t refused,
                                      const std::string& detail) {
  if (is_batch_sent_again_) return settle_again(count, detail);
  HOPSCOPE_ASSERT(refused <= count && count <= batch_.size());
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += batch_[i].bytes.size();
  finish_records(count, {.delivered = count - refused,
                         .refused = refused,
                         .bytes = bytes,
                         .batches = 1,
                         .trouble = refused > 0 ? detail : ""});
  if (refused > 0) {
    warn(fmt::format("refused {} of {} records: {}", refused, count, detail), refusal_warned_at_);
  }
}

/// The first `count` of the batch were refused for good.
void DeliveryThread::settle_refused(std::size_t count, const std::string& detail) {
  if (is_batch_sent_again_) return settle_again(count, detail);
  warn(fmt::format("refused {} records, the first of them \"{}\": {}", count,
                   printable(batch_.front().bytes, kSampleBytes), detail),
       refusal_warned_at_);
  finish_records(count, {.refused = count, .trouble = detail});
}

/// The first `count` of the batch had been delivered before and still count as delivered, whatever
/// the other side answers now.
void DeliveryThread::settle_again(std::size_t count, const std::string& refusal) {
  if (!refusal.empty()) {
    warn(fmt::format("refused some of {} records that were sent again: {}", count, refusal),
         refusal_warned_at_);
  }
  finish_records(count, {.sent_again = count, .trouble = refusal});
}

/// Removes the first `count` records from the batch and counts what became of them.
void DeliveryThread::finish_records(std::size_t count, RecordQueue::Settled settled) {
  HOPSCOPE_ASSERT(count > 0 && count <= batch_.size());
  if (queue_.has_spool()) {
    const std::uint64_t end = batch_[count - 1].number + 1;
    const auto now = Clock::now();
    held_.delivered(batch_from_, end, now);
    batch_from_ = end;
    release_held(now);
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
  settled.left = is_batch_sent_again_ ? 0 : batch_.size();
  queue_.settle(settled);
  backoff_.reset();
}

void DeliveryThread::try_again(const Outcome& outcome) {
  queue_.count_retry(outcome.detail);
  warn("tries again: " + outcome.detail, retry_warned_at_);
  const milliseconds wait = backoff_.next();
  queue_.pause(std::max(wait, outcome.retry_after.value_or(wait)));
}

/// Unless a similar warning was given a short while ago.
void DeliveryThread::warn(const std::string& what, Clock::time_point& warned_at) {
  const auto now = Clock::now();
  if (!warn_ || (warned_at != Clock::time_point{} && now - warned_at < kQuiet)) return;
  warned_at = now;
  warn_(fmt::format("sink {}: {}", name_, what));
}

}  // namespace hopscope::exporter
