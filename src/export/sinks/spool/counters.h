#pragma once
// What a spool counts, as its threads write it and as others read it.

#include <cstdint>

#include "base/counter.h"

namespace hopscope::exporter {

struct SpoolCounters {
  std::uint64_t recovered_records = 0;  ///< found at start and not acknowledged
  std::uint64_t torn_bytes = 0;         ///< cut off at start: a crash or a full disk left them
  /// Not used at start: damaged, or never arrived before a power loss, and what lies behind it.
  std::uint64_t corrupt_bytes = 0;
  std::uint64_t corrupt_records = 0;  ///< were there and cannot be read back: lost
  std::uint64_t written_records = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t segments_made = 0;
  std::uint64_t segments_removed = 0;
  std::uint64_t write_errors = 0;  ///< of writing, and of making and removing files
  std::uint64_t sync_errors = 0;   ///< what was written before may be lost if power fails
  std::uint64_t read_errors = 0;
  std::uint64_t syncs = 0;
};

/// Each with one writer: the thread that reads back, for those so marked, else the one that writes.
struct SpoolMeters {
  Counter recovered_records;
  Counter torn_bytes;
  Counter corrupt_bytes;
  Counter corrupt_records;  ///< reader
  Counter written_records;
  Counter written_bytes;
  Counter segments_made;
  Counter segments_removed;
  Counter write_errors;
  Counter sync_errors;
  Counter read_errors;  ///< reader
  Counter syncs;

  [[nodiscard]] SpoolCounters read() const noexcept {
    return {.recovered_records = recovered_records.get(),
            .torn_bytes = torn_bytes.get(),
            .corrupt_bytes = corrupt_bytes.get(),
            .corrupt_records = corrupt_records.get(),
            .written_records = written_records.get(),
            .written_bytes = written_bytes.get(),
            .segments_made = segments_made.get(),
            .segments_removed = segments_removed.get(),
            .write_errors = write_errors.get(),
            .sync_errors = sync_errors.get(),
            .read_errors = read_errors.get(),
            .syncs = syncs.get()};
  }
};

}  // namespace hopscope::exporter
