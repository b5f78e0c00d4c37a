#pragma once
// Where a spool lies and how much it may hold.

#include <cstdint>
#include <string>

namespace hopscope::exporter {

enum class SpoolEngine : std::uint8_t {
  kAuto,    ///< io_uring where the kernel allows it, else plain system calls
  kThread,  ///< plain system calls of the spool's thread
};

struct SpoolOptions {
  std::string directory;                   ///< one per sink; made if missing, for the owner only
  std::string content;                     ///< what the records are; at most kContentBytes are kept
  std::uint64_t max_bytes = 1ULL << 30;    ///< of all segments
  double max_age_s = 0;                    ///< by the records' receive time; 0: no limit
  std::uint64_t segment_bytes = 16 << 20;  ///< at most a quarter of max_bytes is used
  double sync_interval_s = 1;              ///< what was written is on the disk after so long
  std::uint64_t buffer_bytes = 8 << 20;    ///< memory for what waits for the disk
  double retry_pause_s = 1;                ///< before a disk that failed is tried again
  SpoolEngine engine = SpoolEngine::kAuto;
};

}  // namespace hopscope::exporter
