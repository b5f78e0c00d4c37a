#include "export/sinks/delivery/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/wall_clock.h"

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// Records that wait for the disk before those who can wait do.
constexpr std::uint64_t kMostUnwritten = 10'000;
constexpr milliseconds kDiskPoll{2};

SpoolOptions spool_options(const SpoolLimits& limits, const Sink& sink) {
  SpoolOptions options;
  options.content = sink.content();
  options.directory = limits.directory;
  options.max_bytes = limits.max_bytes;
  options.max_age_s = limits.max_age_s;
  options.segment_bytes = limits.segment_bytes;
  options.sync_interval_s = limits.sync_interval_s;
  return options;
}

/// Opens it where there is one.
std::unique_ptr<Spool> open_spool(const SpoolLimits& limits, const Sink& sink) {
  return limits.directory.empty() ? nullptr : std::make_unique<Spool>(spool_options(limits, sink));
}

}  // namespace

Delivery::Delivery(std::string name, std::unique_ptr<Sink> sink, const DeliveryOptions& options,
                   Warn warn)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      options_(options),
      warn_(std::move(warn)),
      spool_(open_spool(options.spool, *sink_)),
      held_(in_ms(options.spool.keep_delivered_s), spool_ ? spool_->first() : 0),
      most_(options.batch_records),
      backoff_(in_ms(options.retry_first_s), in_ms(options.retry_most_s)),
      allowed_at_(Clock::now()) {
  if (!spool_) return;
  next_ = spool_->end();
  disk_from_ = spool_->found_from();
  counts_.recovered = next_ - disk_from_;
  const Spool::Counters found = spool_->counters();
  if (warn_ && found.torn_bytes + found.corrupt_bytes > 0) {
    warn_(fmt::format("sink {}: {} bytes of the spool are no whole records and cannot be delivered",
                      name_, found.torn_bytes + found.corrupt_bytes));
  }
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
  add_made(now_ns);
}

void Delivery::offer(std::span<const pipeline::Event> events, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  for (const pipeline::Event& event : events) {
    sink_->encode(&event, now_ns, made_);
    add_made(now_ns);
  }
  tick_spool();
}

void Delivery::end_of_rows(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  sink_->end_of_rows(now_ns, made_);
  add_made(now_ns);
}

void Delivery::add_made(std::int64_t now_ns) {
  std::string_view left = made_;
  while (!left.empty()) {
    const std::size_t length = std::clamp<std::size_t>(sink_->first_record(left), 1, left.size());
    add(left.substr(0, length), now_ns);
    left.remove_prefix(length);
  }
  made_.clear();
}

/// With a spool every record goes there at once, and into memory as well where it follows the
/// newest one that is there.
void Delivery::add(std::string_view record, std::int64_t now_ns) {
  ++counts_.produced;
  const bool on_disk = spool_ && keep_on_disk(record, now_ns);
  const std::size_t bytes = record.size() + sizeof(Record);
  // In front of records that are on the disk only nothing may wait that is not there.
  if (!on_disk && (bytes > options_.memory_bytes || has_backlog())) {
    drop(DropReason::kMemoryFull, 1);
    return;
  }
  if (!spool_) make_room(bytes);
  const bool fits = !has_backlog() && window_bytes_ + bytes <= options_.memory_bytes;
  if (fits) {
    if (window_.empty()) waits_since_ = Clock::now();
    window_.push_back(
        {.number = next_, .time_ns = now_ns, .bytes = std::string(record), .is_on_disk = on_disk});
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
  if (window_.size() == options_.batch_records || window_.size() == 1) wake_.notify_one();
}

bool Delivery::keep_on_disk(std::string_view record, std::int64_t now_ns) {
  using Append = Spool::Append;
  Append result = spool_->append(next_, record, now_ns);
  if (result == Append::kNoRoom) {
    tick_spool();
    result = spool_->append(next_, record, now_ns);
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

/// What the spool's caps removed and is in memory still, is not lost; nor what is being read back.
void Delivery::tick_spool() {
  if (!spool_) return;
  const Spool::Removed removed = spool_->tick(wall_ns());
  if (removed.below > disk_from_) {
    removed_.for_size += removed.for_size;
    removed_.for_age += removed.for_age;
  }
  removed_.below = removed.below;
  if (!is_reading_back_) settle_removed();
}

void Delivery::settle_removed() {
  lose_until(std::min(removed_.below, next_));
  removed_ = {};
}

/// Records on the disk only, with lower numbers, are not there any more: by the caps, or damaged.
void Delivery::lose_until(std::uint64_t number) {
  if (number <= disk_from_) return;
  const std::uint64_t lost = number - std::exchange(disk_from_, number);
  const std::uint64_t for_age = std::min(lost, removed_.for_age);
  const std::uint64_t for_size = std::min(lost - for_age, removed_.for_size);
  removed_.for_age -= for_age;
  removed_.for_size -= for_size;
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
    counts.spool_kept = held_.count();
    counts.spool_failing = spool_->is_failing();
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

/// What is left at the end stays on the disk, or is dropped.
void Delivery::give_up() {
  const std::lock_guard lock(mutex_);
  if (is_batch_sent_again_) batch_.clear();
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

}  // namespace hopscope::exporter
