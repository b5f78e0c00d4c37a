#pragma once
// Reads records back, from segments and from memory. For one thread, which may wait for the disk.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "export/sinks/spool/catalogue.h"
#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/record_scanner.h"

namespace hopscope::exporter {

class SpoolReader {
 public:
  SpoolReader(const SpoolDirectory& directory, Catalogue& catalogue, SpoolMeters& meters)
      : directory_(directory), catalogue_(catalogue), meters_(meters) {}
  SpoolReader(const SpoolReader&) = delete;
  SpoolReader& operator=(const SpoolReader&) = delete;

  /// See Spool::read().
  std::size_t read(std::uint64_t from, std::size_t max_records, std::size_t max_bytes,
                   std::vector<SpoolRecord>& out);
  /// Closes the segment that is open where all that was read of it is below: while it is open its
  /// room on the disk does not come back.
  void let_go(std::uint64_t below) noexcept;

 private:
  /// What one call gathers.
  struct Batch {
    std::vector<SpoolRecord>& out;
    std::uint64_t from;  ///< number of the next record at least
    std::size_t records_left;
    std::size_t bytes_left;
    bool added = false;
    bool is_full = false;

    /// The first one always fits. False where it does not fit any more.
    bool add(const RecordHeader& header, std::string_view payload);
  };

  [[nodiscard]] bool open(const Segment& segment, std::uint64_t from);
  /// False: stop here.
  bool read_segment(const Segment& segment, Batch& batch);
  void read_memory(Batch& batch);
  void lose(const Segment& segment, std::uint64_t from, std::uint64_t below);

  const SpoolDirectory& directory_;
  Catalogue& catalogue_;
  SpoolMeters& meters_;
  FileDescriptor file_;
  std::uint64_t name_ = Catalogue::kNoSegment;  ///< of the segment that is open
  std::uint64_t last_ = 0;                      ///< its newest record, when it was read
  std::optional<RecordScanner> scanner_;
  std::uint64_t next_ = 0;  ///< the record at the scanner's place has this number at least
  MemoryPlace place_;
  std::string copied_;
};

}  // namespace hopscope::exporter
