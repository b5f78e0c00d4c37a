#pragma once
// What a spool finds in its directory at start.

#include <cstdint>
#include <deque>

#include "export/spool/counters.h"
#include "export/spool/directory.h"
#include "export/spool/mark.h"
#include "export/spool/number_runs.h"
#include "export/spool/segment.h"

namespace hopscope::exporter {

struct Recovered {
  std::deque<Segment> segments;  ///< with one record at least that was not acknowledged
  NumberRuns numbers;            ///< of the records that were not acknowledged
  std::uint64_t end = 0;
  Mark mark;  ///< as it stands on the disk
};

/// Reads every segment, cuts a torn tail off, removes segments that hold nothing any more. Waits
/// for the disk. Throws io::SetupError where a newer version wrote them.
[[nodiscard]] Recovered recover(const SpoolDirectory& directory, SpoolMeters& meters);

}  // namespace hopscope::exporter
