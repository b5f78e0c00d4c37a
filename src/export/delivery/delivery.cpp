#include "export/delivery/delivery.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "export/printable.h"
#include "export/wall_clock.h"

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// How often the spool is looked after while nothing else happens.
constexpr milliseconds kTick{20};
/// Records that wait for the disk before those who can wait do.
constexpr std::uint64_t kMostUnwritten = 10'000;
constexpr milliseconds kDiskPoll{2};
/// Complaints of one sink are this far apart.
constexpr std::chrono::seconds kQuiet{60};
/// Further records are read back while fewer than this many batches are in memory.
constexpr std::size_t kBatchesAhead = 2;
/// Of a record that is shown to people.
constexpr std::size_t kSampleBytes = 200;

milliseconds in_ms(double seconds) {
  return milliseconds(static_cast<milliseconds::rep>(seconds * 1000));
}

SpoolOptions spool_options(const SpoolLimits& limits) {
  SpoolOptions options;
  options.directory = limits.directory;
  options.max_bytes = limits.max_bytes;
  options.max_age_s = limits.max_age_s;
  options.segment_bytes = limits.segment_bytes;
  options.sync_interval_s = limits.sync_interval_s;
  return options;
}

}  // namespace

Delivery::Delivery(std::string name, std::unique_ptr<Sink> sink, const DeliveryOptions& options,
                   Warn warn)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      options_(options),
      warn_(std::move(warn)),
      most_(options.batch_records),
      backoff_(in_ms(options.retry_first_s), in_ms(options.retry_most_s)),
      allowed_at_(Clock::now()) {
  if (options.spool.directory.empty()) return;
  spool_ = std::make_unique<Spool>(spool_options(options.spool));
  next_ = spool_->end();
  disk_from_ = spool_->first();
  counts_.recovered = next_ - disk_from_;
}

Delivery::~Delivery() {
  stop();
}

void Delivery::start() {
  thread_ = std::thread([this] { run(); });
}

void Delivery::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!is_stopping_) stop_by_ = Clock::now() + in_ms(options_.stop_timeout_s);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    {
      std::unique_lock lock(mutex_);
      moved_.wait_until(lock, stop_by_, [this] { return is_finished_; });
    }
    sink_->hurry();
    thread_.join();
  }
  give_up();
}

// ---- making records ----

void Delivery::offer(const Item& item, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  sink_->encode(item, now_ns, made_);
  add(now_ns);
}

void Delivery::offer(std::span<const pipeline::Event> events, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Event& event : events) {
    sink_->encode(&event, now_ns, made_);
    add(now_ns);
  }
  tick_spool();
}

void Delivery::end_of_rows(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  sink_->end_of_rows(now_ns, made_);
  add(now_ns);
}

/// Takes what was made. With a spool every record goes there at once, and into memory as well where
/// it follows the newest one that is there.
void Delivery::add(std::int64_t now_ns) {
  if (made_.empty()) return;
  ++counts_.produced;
  const bool on_disk = spool_ && keep_on_disk(now_ns);
  const std::size_t bytes = made_.size() + sizeof(Record);
  if (bytes > options_.memory_bytes && !on_disk) {
    drop(DropReason::kMemoryFull, 1);
    made_.clear();
    return;
  }
  // In front of records that are on the disk only nothing may wait that is not there.
  if (!on_disk && has_backlog()) {
    drop(DropReason::kMemoryFull, 1);
    made_.clear();
    return;
  }
  if (!spool_) make_room(bytes);
  const bool fits = !has_backlog() && window_bytes_ + bytes <= options_.memory_bytes;
  if (fits) {
    if (window_.empty()) waits_since_ = Clock::now();
    window_.push_back({.number = next_,
                       .time_ns = now_ns,
                       .bytes = std::exchange(made_, {}),
                       .is_on_disk = on_disk});
    window_bytes_ += bytes;
    disk_from_ = next_ + 1;
  }
  if (fits || on_disk) {
    ++next_;
    // What is made meanwhile is no replay.
    if (!fits) ++live_on_disk_;
  } else {
    drop(DropReason::kMemoryFull, 1);
  }
  made_.clear();
  if (window_.size() == options_.batch_records || window_.size() == 1) wake_.notify_one();
}

bool Delivery::keep_on_disk(std::int64_t now_ns) {
  using Append = Spool::Append;
  Append result = spool_->append(next_, made_, now_ns);
  if (result == Append::kNoRoom) {
    tick_spool();
    result = spool_->append(next_, made_, now_ns);
  }
  return result == Append::kTaken;
}

/// The oldest give way.
void Delivery::make_room(std::size_t bytes) {
  while (!window_.empty() && window_bytes_ + bytes > options_.memory_bytes) {
    window_bytes_ -= window_.front().bytes.size() + sizeof(Record);
    window_.pop_front();
    drop(DropReason::kMemoryFull, 1);
  }
  if (window_.empty()) waits_since_.reset();
}

void Delivery::drop(DropReason reason, std::uint64_t records) {
  if (records == 0) return;
  counts_.dropped[static_cast<std::size_t>(reason)] += records;
  has_dropped_ = true;
}

/// What the spool's caps removed and is in memory still, is not lost.
void Delivery::tick_spool() {
  if (!spool_) return;
  const Spool::Removed removed = spool_->tick(wall_ns());
  if (removed.below <= disk_from_) return;
  const std::uint64_t lost = std::min(removed.below, next_) - disk_from_;
  disk_from_ += lost;
  const std::uint64_t for_age = std::min(lost, removed.for_age);
  const std::uint64_t for_size = std::min(lost - for_age, removed.for_size);
  drop(DropReason::kSpoolAge, for_age);
  drop(DropReason::kSpoolSize, for_size);
  drop(DropReason::kSpoolCorrupt, lost - for_age - for_size);
}

void Delivery::wait_for_room(milliseconds patience) {
  std::unique_lock lock(mutex_);
  const auto has_room = [this] {
    if (!spool_ || spool_->is_failing()) return window_bytes_ <= options_.memory_bytes / 2;
    return spool_->unwritten() <= kMostUnwritten;
  };
  // Who has waited in vain does not wait again until something is delivered.
  if (waited_in_vain_at_ == counts_.delivered) return;
  waited_in_vain_at_.reset();
  auto moved_at = Clock::now();
  while (!has_room() && !is_stopping_ && Clock::now() - moved_at < patience) {
    const std::uint64_t waiting = window_.size() + (spool_ ? spool_->unwritten() : 0);
    tick_spool();
    moved_.wait_for(lock, kDiskPoll);
    const std::uint64_t left = window_.size() + (spool_ ? spool_->unwritten() : 0);
    if (left < waiting) moved_at = Clock::now();
  }
  if (!has_room()) waited_in_vain_at_ = counts_.delivered;
}

void Delivery::reopen() {
  const std::lock_guard lock(mutex_);
  wants_reopen_ = true;
  wake_.notify_one();
}

DeliveryCounts Delivery::counts() const {
  const std::lock_guard lock(mutex_);
  DeliveryCounts counts = counts_;
  counts.in_memory = window_.size() + in_batch_;
  counts.suppressed = sink_->suppressed();
  if (spool_) {
    counts.spool_bytes = spool_->bytes();
    counts.spool_unwritten = spool_->unwritten();
  }
  counts.in_spool = next_ - disk_from_ + kept_;
  counts.state = has_dropped_       ? SinkState::kDropping
                 : has_backlog()    ? SinkState::kSpooling
                 : is_trying_again_ ? SinkState::kRetrying
                                    : SinkState::kOk;
  return counts;
}

std::string Delivery::trouble() const {
  const std::lock_guard lock(mutex_);
  if (spool_ && spool_->is_failing()) return spool_->failure();
  return trouble_;
}

// ---- delivering ----

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
    if (is_stopping_ && window_.empty() && batch_.empty() && !has_backlog()) return false;
    if (is_stopping_ && Clock::now() >= stop_by_) return false;
    if (!batch_.empty() || wants_reopen_) return true;
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
    most = allowed_from_spool();
    if (most == 0) return;
    if (window_bytes_ + options_.batch_bytes > options_.memory_bytes && !window_.empty()) return;
    from = disk_from_;
  }
  std::vector<Spool::Stored> stored;
  spool_->read(from, most, options_.batch_bytes, stored);
  const std::lock_guard lock(mutex_);
  if (stored.empty()) {
    // Damage to the last ones leaves nothing behind them that would tell.
    const bool is_empty = window_.empty() && spool_->first() >= next_;
    if (is_empty) drop(DropReason::kSpoolCorrupt, next_ - std::exchange(disk_from_, next_));
    return;
  }
  allowance_ -= static_cast<double>(stored.size());
  if (window_.empty()) waits_since_ = Clock::now();
  for (Spool::Stored& one : stored) {
    if (one.number < disk_from_) continue;  // the caps took it meanwhile
    drop(DropReason::kSpoolCorrupt, one.number - disk_from_);
    disk_from_ = one.number + 1;
    window_bytes_ += one.record.size() + sizeof(Record);
    window_.push_back({.number = one.number,
                       .time_ns = one.time_ns,
                       .bytes = std::move(one.record),
                       .is_on_disk = true});
  }
}

void Delivery::take_batch() {
  const std::lock_guard lock(mutex_);
  if (!batch_.empty()) return;
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
  if (outcome.result == Result::kDelivered) {
    settle_delivered(count, std::min<std::uint64_t>(outcome.refused, count), outcome.detail);
    most_ = std::min<std::size_t>(options_.batch_records, 2 * most_);
    return;
  }
  const std::size_t taken = std::min(outcome.taken, count);
  if (taken > 0) settle_delivered(taken, 0, "");
  const std::size_t left = count - taken;
  if (left == 0) return;
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
  if (refused > 0) say(fmt::format("refused {} of {} records: {}", refused, count, detail));
  backoff_.reset();
}

/// The first `count` of the batch never will be.
void Delivery::refuse(std::size_t count, const std::string& detail) {
  say(fmt::format("refused {} records, the first of them \"{}\": {}", count,
                  printable(batch_.front().bytes, kSampleBytes), detail));
  const std::lock_guard lock(mutex_);
  drop(DropReason::kRefused, count);
  is_trying_again_ = false;
  trouble_ = detail;
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
  say("tries again: " + outcome.detail);
  const milliseconds wait = backoff_.next();
  pause(std::max(wait, outcome.retry_after.value_or(wait)));
}

/// The first `count` of the batch are settled.
void Delivery::done(std::size_t count) {
  if (spool_) spool_->acknowledge(batch_[count - 1].number + 1);
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
  in_batch_ = batch_.size();
}

void Delivery::pause(milliseconds duration) {
  const auto until = Clock::now() + duration;
  std::unique_lock lock(mutex_);
  while (Clock::now() < until && !wants_reopen_ && !(is_stopping_ && Clock::now() >= stop_by_)) {
    tick_spool();
    wake_.wait_for(lock, std::min(kTick, std::chrono::ceil<milliseconds>(until - Clock::now())));
  }
}

bool Delivery::is_over() const {
  const std::lock_guard lock(mutex_);
  return is_stopping_ && Clock::now() >= stop_by_;
}

/// What is left at the end stays on the disk, or is dropped.
void Delivery::give_up() {
  const std::lock_guard lock(mutex_);
  std::uint64_t kept = 0;
  if (spool_) {
    // Whatever it says: what counts is what is in files.
    (void)spool_->flush();
    tick_spool();
    const std::uint64_t from = spool_->first();
    const std::uint64_t to = spool_->written();
    const auto is_kept = [&](const Record& record) {
      return record.is_on_disk && record.number >= from && record.number < to;
    };
    kept = static_cast<std::uint64_t>(std::count_if(batch_.begin(), batch_.end(), is_kept) +
                                      std::count_if(window_.begin(), window_.end(), is_kept));
    const std::uint64_t end = std::max(disk_from_, std::min(to, next_));
    drop(DropReason::kShutdown, next_ - end);
    next_ = end;
  }
  drop(DropReason::kShutdown, window_.size() + batch_.size() - kept);
  kept_ += kept;
  batch_.clear();
  window_.clear();
  window_bytes_ = 0;
  in_batch_ = 0;
}

void Delivery::say(const std::string& what) {
  const auto now = Clock::now();
  if (!warn_ || (said_at_ != Clock::time_point{} && now - said_at_ < kQuiet)) return;
  said_at_ = now;
  warn_(fmt::format("sink {}: {}", name_, what));
}

}  // namespace hopscope::exporter
