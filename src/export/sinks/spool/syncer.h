#pragma once
// Makes durable what was written: data of segments, names in the directory, the mark. Closes
// segments that have ended. Writer side; never waits.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk_queue.h"
#include "export/sinks/spool/health.h"
#include "export/sinks/spool/open_segment.h"

namespace hopscope::exporter {

class Syncer {
 public:
  Syncer(DiskQueue& queue, const SpoolDirectory& directory, SpoolHealth& health,
         SpoolMeters& meters, std::int64_t interval_ns)
      : queue_(queue),
        directory_(directory),
        health_(health),
        meters_(meters),
        interval_ns_(interval_ns) {}
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  ~Syncer();

  /// It has ended: is synced and closed.
  void adopt(std::unique_ptr<OpenSegment> segment) { ended_.push_back(std::move(segment)); }
  /// So many have ended and are not closed yet that no new one should be made.
  [[nodiscard]] bool is_crowded() const noexcept { return ended_.size() >= kMostEnded; }
  void directory_changed(std::uint64_t made = UINT64_MAX) noexcept;

  /// `current` may be null. Returns true when an interval has passed, or always with `at_once`.
  bool step(OpenSegment* current, std::int64_t now_ns, bool at_once) noexcept;
  /// Nothing that was given waits to be synced or closed.
  [[nodiscard]] bool is_settled(const OpenSegment* current) const noexcept;
  /// Records with lower numbers that were written have been synced, but for those below `first`,
  /// which nobody needs any more.
  [[nodiscard]] std::uint64_t synced(const OpenSegment* current, std::uint64_t first) noexcept;

 private:
  static constexpr std::size_t kMostEnded = 32;
  static constexpr std::size_t kMostEndedAtOnce = 16;

  /// Returns true when it is closed.
  bool step_ended(OpenSegment& segment, std::int64_t now_ns) noexcept;
  void sync(OpenSegment& segment) noexcept;
  void synced_or_not(OpenSegment& segment, std::int64_t now_ns) noexcept;
  void step_directory(bool due, std::int64_t now_ns) noexcept;

  DiskQueue& queue_;
  const SpoolDirectory& directory_;
  SpoolHealth& health_;
  SpoolMeters& meters_;
  const std::int64_t interval_ns_;
  std::int64_t last_ns_ = INT64_MIN;
  std::deque<std::unique_ptr<OpenSegment>> ended_;
  DiskJob directory_job_;
  bool directory_dirty_ = false;
  std::uint64_t made_ = UINT64_MAX;          ///< lowest name that a power loss may undo
  std::uint64_t made_syncing_ = UINT64_MAX;  ///< the same while a sync of the directory runs
  // Numbers that a sync failed for.
  std::uint64_t unsure_ = UINT64_MAX;
  std::uint64_t unsure_below_ = 0;
};

}  // namespace hopscope::exporter
