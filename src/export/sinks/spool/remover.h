#pragma once
// Removes files of segments, one after the other. Writer side; never waits.

#include <cerrno>
#include <cstdint>
#include <vector>

#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk_queue.h"

namespace hopscope::exporter {

class Remover {
 public:
  Remover(DiskQueue& queue, const SpoolDirectory& directory, SpoolMeters& meters)
      : queue_(queue), directory_(directory), meters_(meters) {}
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;

  /// Append names here.
  [[nodiscard]] std::vector<std::uint64_t>& names() noexcept { return names_; }

  /// True when a file is gone.
  bool step() noexcept {
    bool gone = false;
    if (job_.take_result()) {
      gone = job_.result == 0;
      if (gone) meters_.segments_removed.add(1);
      // The mark says that it is not needed: the next start tries again.
      if (!gone && job_.result != -ENOENT) meters_.write_errors.add(1);
    }
    if (job_.is_idle() && !names_.empty()) {
      job_.kind = DiskJob::Kind::kUnlink;
      job_.fd = directory_.fd();
      job_.name = segment_name(names_.front());
      names_.erase(names_.begin());
      queue_.submit(job_);
    }
    return gone;
  }

  [[nodiscard]] bool is_settled() const noexcept { return names_.empty() && job_.is_idle(); }

 private:
  DiskQueue& queue_;
  const SpoolDirectory& directory_;
  SpoolMeters& meters_;
  DiskJob job_;
  std::vector<std::uint64_t> names_;
};

}  // namespace hopscope::exporter
