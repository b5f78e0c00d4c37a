// The spool of a record queue: what goes to it, comes back, and is lost in it.

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/wall_clock.h"
#include "export/sinks/delivery/record_queue.h"

namespace hopscope::exporter {
namespace {

/// Records are read back while memory holds fewer batches than this.
constexpr std::size_t kBatchesAhead = 2;

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

/// Null: there is none.
std::unique_ptr<Spool> open_spool(const SpoolLimits& limits, const Sink& sink) {
  return limits.directory.empty() ? nullptr : std::make_unique<Spool>(spool_options(limits, sink));
}

}  // namespace

RecordQueue::RecordQueue(Sink& sink, const DeliveryOptions& options)
    : sink_(sink), options_(options), spool_(open_spool(options.spool, sink)) {
  if (!spool_) return;
  next_ = spool_->end();
  disk_from_ = spool_->found_from();
  HOPSCOPE_ASSERT(disk_from_ <= next_);
  counts_.recovered = next_ - disk_from_;
}

std::uint64_t RecordQueue::damaged_bytes() const {
  if (!spool_) return 0;
  const Spool::Counters found = spool_->counters();
  return found.torn_bytes + found.corrupt_bytes;
}

bool RecordQueue::keep_on_disk(std::string_view record, std::int64_t now_ns) {
  using Append = Spool::Append;
  Append result = spool_->append(next_, record, now_ns);
  if (result == Append::kNoRoom) {
    tick_spool();
    result = spool_->append(next_, record, now_ns);
  }
  return result == Append::kTaken;
}

/// What the spool's limits removed is not lost while it is in memory or being read back.
void RecordQueue::tick_spool() {
  if (!spool_) return;
  const Spool::Removed removed = spool_->tick(wall_ns());
  if (removed.below > disk_from_) {
    removed_.for_size += removed.for_size;
    removed_.for_age += removed.for_age;
  }
  removed_.below = removed.below;
  if (!is_reading_back_) settle_removed();
}

void RecordQueue::settle_removed() {
  lose_until(std::min(removed_.below, next_));
  removed_ = {};
}

/// Records on the disk only, with lower numbers, are not there any more: removed by the limits, or
/// damaged.
void RecordQueue::lose_until(std::uint64_t number) {
  HOPSCOPE_ASSERT(number <= next_);
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

void RecordQueue::refill(ReplayRate& rate) {
  std::size_t max_records = 0;
  std::uint64_t from = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!has_backlog() || window_.size() >= kBatchesAhead * options_.batch_records) return;
    max_records = rate.allowed(std::exchange(live_on_disk_, 0), Clock::now());
    if (max_records == 0) return;
    if (window_bytes_ + options_.batch_bytes > options_.memory_bytes && !window_.empty()) return;
    from = disk_from_;
    is_reading_back_ = true;
  }
  std::vector<Spool::Stored> stored;
  spool_->read(from, max_records, options_.batch_bytes, stored);
  const std::lock_guard lock(mutex_);
  tick_spool();
  rate.spend(stored.size());
  for (Spool::Stored& one : stored) {
    if (one.number < disk_from_) continue;
    lose_until(one.number);
    disk_from_ = one.number + 1;
    push({.number = one.number,
          .time_ns = one.time_ns,
          .bytes = std::move(one.record),
          .is_on_disk = true});
  }
  // Where the newest records are damaged, no later one shows that they are lost.
  if (stored.empty() && spool_->records(disk_from_, next_) == 0) lose_until(next_);
  is_reading_back_ = false;
  settle_removed();
}

bool RecordQueue::read_delivered(std::uint64_t from, std::uint64_t end, ReplayRate& rate,
                                 std::vector<Record>& batch) {
  HOPSCOPE_ASSERT(spool_ && from < end && batch.empty());
  std::size_t max_records = 0;
  {
    const std::lock_guard lock(mutex_);
    max_records = rate.allowed(std::exchange(live_on_disk_, 0), Clock::now());
  }
  max_records = std::min<std::uint64_t>(max_records, end - from);
  if (max_records == 0) return true;
  std::vector<Spool::Stored> stored;
  spool_->read(from, max_records, options_.batch_bytes, stored);
  for (Spool::Stored& one : stored) {
    if (one.number >= end) break;
    batch.push_back({.number = one.number,
                     .time_ns = one.time_ns,
                     .bytes = std::move(one.record),
                     .is_on_disk = true});
  }
  rate.spend(batch.size());
  return !batch.empty() || spool_->records(from, end) != 0;
}

void RecordQueue::acknowledge(std::uint64_t below) noexcept {
  if (spool_) spool_->acknowledge(below);
}

}  // namespace hopscope::exporter
