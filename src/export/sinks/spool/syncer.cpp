#include "export/sinks/spool/syncer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hopscope::exporter {

Syncer::~Syncer() {
  for (const auto& segment : ended_) {
    if (segment->fd >= 0) ::close(segment->fd);
  }
}

void Syncer::directory_changed(std::uint64_t made) noexcept {
  directory_dirty_ = true;
  made_ = std::min(made_, made);
}

void Syncer::sync(OpenSegment& segment) noexcept {
  segment.syncing_bytes = segment.bytes;
  segment.syncing_below = segment.last + 1;
  segment.job.kind = DiskJob::Kind::kSyncData;
  segment.job.fd = segment.fd;
  queue_.submit(segment.job);
}

void Syncer::synced_or_not(OpenSegment& segment, std::int64_t now_ns) noexcept {
  if (segment.job.result < 0) {
    // The kernel forgets what it could not write: syncing again would say yes and mean nothing.
    meters_.sync_errors.add(1);
    health_.fail("sync", segment_name(segment.name).data(), -segment.job.result, now_ns);
    unsure_ = std::min(unsure_, segment.unsynced);
    unsure_below_ = std::max(unsure_below_, segment.syncing_below);
    segment.must_end = true;
  } else {
    meters_.syncs.add(1);
  }
  segment.synced_bytes = segment.syncing_bytes;
  segment.unsynced = segment.syncing_below;
}

bool Syncer::step_ended(OpenSegment& segment, std::int64_t now_ns) noexcept {
  if (segment.job.take_result()) {
    if (segment.job.kind == DiskJob::Kind::kClose) return true;
    synced_or_not(segment, now_ns);
  }
  if (!segment.job.is_idle()) return false;
  if (segment.is_dirty()) {
    sync(segment);
  } else {
    // By the queue: closing a removed file frees its blocks, which can take a while.
    segment.job.kind = DiskJob::Kind::kClose;
    segment.job.fd = std::exchange(segment.fd, -1);
    queue_.submit(segment.job);
  }
  return false;
}

void Syncer::step_directory(bool due, std::int64_t now_ns) noexcept {
  if (directory_job_.take_result()) {
    const std::uint64_t made = std::exchange(made_syncing_, UINT64_MAX);
    // Some file systems cannot sync a directory and need not.
    if (directory_job_.result < 0 && directory_job_.result != -EINVAL) {
      meters_.sync_errors.add(1);
      health_.fail("sync", "", -directory_job_.result, now_ns);
      directory_changed(made);
    } else {
      meters_.syncs.add(1);
    }
  }
  if (!due || !directory_dirty_ || !directory_job_.is_idle() || !health_.may_try(now_ns)) return;
  directory_dirty_ = false;
  made_syncing_ = std::exchange(made_, UINT64_MAX);
  directory_job_.kind = DiskJob::Kind::kSyncAll;
  directory_job_.fd = directory_.fd();
  queue_.submit(directory_job_);
}

bool Syncer::step(OpenSegment* current, std::int64_t now_ns, bool at_once) noexcept {
  // A clock that was set back starts a new interval.
  const bool due =
      at_once || last_ns_ == INT64_MIN || now_ns < last_ns_ || now_ns - last_ns_ >= interval_ns_;
  if (due) last_ns_ = now_ns;
  for (std::size_t i = 0; i < std::min(ended_.size(), kMostEndedAtOnce);) {
    if (step_ended(*ended_[i], now_ns)) {
      ended_.erase(ended_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  if (current != nullptr) {
    if (current->job.take_result()) synced_or_not(*current, now_ns);
    if (due && current->job.is_idle() && current->is_dirty()) sync(*current);
  }
  step_directory(due, now_ns);
  return due;
}

bool Syncer::is_settled(const OpenSegment* current) const noexcept {
  return ended_.empty() && !directory_dirty_ && directory_job_.is_idle() &&
         (current == nullptr || (current->job.is_idle() && !current->is_dirty()));
}

std::uint64_t Syncer::synced(const OpenSegment* current, std::uint64_t first) noexcept {
  if (first >= unsure_below_) unsure_ = UINT64_MAX;
  std::uint64_t below = std::min({made_, made_syncing_, unsure_});
  for (const auto& segment : ended_) {
    if (segment->is_dirty()) below = std::min(below, segment->unsynced);
  }
  if (current != nullptr && current->is_dirty()) below = std::min(below, current->unsynced);
  return below;
}

}  // namespace hopscope::exporter
