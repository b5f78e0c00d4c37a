#pragma once
// Writes the mark when it has moved, and syncs it. Writer side; never waits.

#include <cstddef>
#include <cstdint>

#include "base/file_descriptor.h"
#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk_queue.h"
#include "export/sinks/spool/mark.h"

namespace hopscope::exporter {

class MarkWriter {
 public:
  MarkWriter(DiskQueue& queue, const SpoolDirectory& directory, SpoolMeters& meters,
             const Mark& stored)
      : queue_(queue),
        directory_(directory),
        meters_(meters),
        stored_(stored),
        passed_(stored.below) {}
  MarkWriter(const MarkWriter&) = delete;
  MarkWriter& operator=(const MarkWriter&) = delete;
  ~MarkWriter();

  /// `due`: begin if `wanted` says something new, of its end only if it `tells_end`; after a
  /// failure only if `again`. True when an attempt has ended.
  bool step(const Mark& wanted, bool due, bool again, bool tells_end) noexcept;
  /// One more attempt after a failure.
  void try_now() noexcept { failed_ = false; }
  /// On the disk.
  [[nodiscard]] const Mark& stored() const noexcept { return stored_; }
  /// Segments below may go: this is stored, or the disk refused it. Without it a restart delivers
  /// more twice, no less once: no reason to keep them, and a full disk needs the space.
  [[nodiscard]] std::uint64_t passed() const noexcept { return passed_; }
  [[nodiscard]] bool is_idle() const noexcept { return job_.is_idle(); }

 private:
  void submit_open() noexcept;
  void submit_write() noexcept;
  void submit_sync() noexcept;

  DiskQueue& queue_;
  const SpoolDirectory& directory_;
  SpoolMeters& meters_;
  DiskJob job_;
  FileDescriptor file_;
  Mark stored_;
  Mark writing_;
  std::uint64_t passed_;
  bool failed_ = false;
  MarkBytes bytes_{};
  std::size_t slot_ = 0;
};

}  // namespace hopscope::exporter
