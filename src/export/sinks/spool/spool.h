#pragma once
// Records on the disk until they were delivered: numbered, in order, over restarts, power loss and
// full disks. One thread appends and never waits for the disk; another one reads back. A thread of
// the spool's own writes.
//
// Whatever happens to the files, what is read back is what was appended, or it is counted as lost.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/options.h"
#include "export/sinks/spool/spool_record.h"

namespace hopscope::exporter {

class Spool {
 public:
  using Counters = SpoolCounters;
  using Stored = SpoolRecord;

  /// Opens the directory and reads what is in it, which takes a second or so per GB. Throws
  /// SetupError where the directory cannot be used, another process uses it, or it holds
  /// records of another content.
  explicit Spool(const SpoolOptions& options);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  /// Waits for what is under way; what only waits in memory is gone without flush().
  ~Spool();

  // The thread that appends.

  enum class Append : std::uint8_t {
    kTaken,
    kNoRoom,      ///< the disk is slower than the records: try again later, or drop it
    kFailing,     ///< the disk refuses: full, read-only, broken; see failure()
    kTooLarge,    ///< longer than longest_record(): never fits
    kOutOfOrder,  ///< the number is below end()
  };
  /// Numbers ascend, gaps are allowed. `time_ns` is for max_age_s, in nanoseconds since 1970.
  [[nodiscard]] Append append(std::uint64_t number, std::string_view record,
                              std::int64_t time_ns) noexcept;

  /// What size and age took away since the last time. Records that were read back before are not
  /// lost by it: whoever read them has them.
  struct Removed {
    std::uint64_t below = 0;     ///< first(): nothing lower is there any more
    std::uint64_t for_size = 0;  ///< records neither acknowledged nor read back
    std::uint64_t for_age = 0;
  };
  /// Call it often, every 10 ms or so: writes, syncs when it is time, tries a failing disk again,
  /// keeps to the limits. `now_ns` is of the same clock as the records' times.
  Removed tick(std::int64_t now_ns) noexcept;

  /// Writes and syncs everything and waits for it. False: the disk did not take it all, see
  /// unwritten().
  [[nodiscard]] bool flush() noexcept;

  // The reader's thread. It may wait for the disk.

  /// Appends the next records with `from` as the lowest number to `out`, in order: at most
  /// `max_records`, and no more than `max_bytes` of payload unless the first one alone is longer.
  /// Records that still wait for the disk are among them. What cannot be read is skipped, and
  /// counted. Returns how many.
  std::size_t read(std::uint64_t from, std::size_t max_records, std::size_t max_bytes,
                   std::vector<Stored>& out);
  /// Every record with a lower number was delivered or given up. What is wholly below goes at the
  /// next sync; a restart begins here, or a sync earlier.
  void acknowledge(std::uint64_t below) noexcept;

  // Any thread.

  /// The lowest number that is there and not acknowledged; end() when there is none.
  [[nodiscard]] std::uint64_t first() const;
  /// What first() would have been at start, had no file been damaged.
  [[nodiscard]] std::uint64_t found_from() const noexcept;
  /// One above the highest number ever taken: the next number to append. Over restarts too, but for
  /// records that a crash lost before they were written.
  [[nodiscard]] std::uint64_t end() const;
  /// Not acknowledged.
  [[nodiscard]] std::uint64_t records() const;
  /// Of these, those with numbers in [from, below).
  [[nodiscard]] std::uint64_t records(std::uint64_t from, std::uint64_t below) const;
  /// In files and waiting for the disk.
  [[nodiscard]] std::uint64_t bytes() const;
  /// Records of records() that are not in a file yet: a crash of the process loses them.
  [[nodiscard]] std::uint64_t unwritten() const;
  /// Taken records with lower numbers are in files, or were.
  [[nodiscard]] std::uint64_t written() const;
  /// Records with lower numbers that are not acknowledged survive a power loss, as of the last
  /// tick.
  [[nodiscard]] std::uint64_t synced() const;
  [[nodiscard]] std::size_t longest_record() const noexcept;
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] bool is_failing() const;
  /// One line for /healthz; empty while all is well.
  [[nodiscard]] std::string failure() const;
  /// "io_uring", or "thread" and why.
  [[nodiscard]] const std::string& engine() const noexcept;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hopscope::exporter
