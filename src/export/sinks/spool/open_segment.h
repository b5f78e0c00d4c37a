#pragma once
// A segment that is open for writing, or was and waits to be synced and closed.

#include <cstdint>

#include "export/sinks/spool/disk_queue.h"
#include "export/sinks/spool/segment.h"

namespace hopscope::exporter {

struct OpenSegment {
  int fd = -1;
  std::uint64_t name = 0;
  std::uint64_t bytes = 0;  ///< that are whole records, with the header before them; 0: empty yet
  std::int64_t oldest_ns = 0;
  std::uint64_t last = 0;  ///< number of the last record
  bool must_end = false;   ///< the disk or the reader found fault with it: go on with another

  DiskJob job;  ///< sync or close
  std::uint64_t synced_bytes = 0;
  std::uint64_t unsynced = 0;  ///< no record with a lower number waits for a sync
  // What the sync that is under way will have synced.
  std::uint64_t syncing_bytes = 0;
  std::uint64_t syncing_below = 0;

  [[nodiscard]] bool is_dirty() const noexcept { return bytes > synced_bytes; }
};

}  // namespace hopscope::exporter
