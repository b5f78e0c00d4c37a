#pragma once
// What a spool finds in its directory at start.

#include <cstdint>
#include <deque>
#include <string>

#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/mark.h"
#include "export/sinks/spool/number_runs.h"
#include "export/sinks/spool/segment.h"

namespace hopscope::exporter {

struct Recovered {
  std::deque<Segment> segments;  ///< with one record at least that was not acknowledged
  NumberRuns numbers;            ///< of the records that were not acknowledged
  std::uint64_t begin = 0;  ///< the lowest of these, or lower: of one that is damaged; or `end`
  std::uint64_t end = 0;
  Mark mark;  ///< as it stands on the disk
};

/// Reads every segment, cuts a torn tail off, removes segments that hold nothing any more. Waits
/// for the disk. Throws SetupError where another version wrote them, or records in them are
/// something else than `content`.
[[nodiscard]] Recovered recover(const SpoolDirectory& directory, const std::string& content,
                                SpoolMeters& meters);

}  // namespace hopscope::exporter
