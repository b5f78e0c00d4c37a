#pragma once
// What the threads of a spool share: which records there are, in which segments, and those still in
// memory. Every function takes the lock for a moment; none waits for the disk.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "export/sinks/spool/byte_ring.h"
#include "export/sinks/spool/number_runs.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/recovery.h"
#include "export/sinks/spool/segment.h"
#include "export/sinks/spool/spool_record.h"

namespace hopscope::exporter {

/// Where reading from memory goes on: the record at `position` has `number` or a higher one.
struct MemoryPlace {
  std::uint64_t position = 0;
  std::uint64_t number = UINT64_MAX;
};

class Catalogue {
 public:
  static constexpr std::uint64_t kNoSegment = UINT64_MAX;
  /// For `kept` below: whichever is the newest, because the writer may be at work on it.
  static constexpr std::uint64_t kNewestSegment = UINT64_MAX - 1;

  Catalogue(Recovered&& recovered, std::size_t buffer_bytes);

  // Of the thread that appends, and of the writer while it is busy.

  /// Records that wait for the disk.
  [[nodiscard]] ByteRing& ring() noexcept { return ring_; }
  /// There must be room in the ring.
  void take(const RecordHeader& header, std::string_view payload);
  /// The oldest bytes in the ring are in the file now, as what `part` says: numbers and times of
  /// these records, the whole segment's bytes.
  void commit(const Segment& part, std::size_t ring_bytes);
  /// Records at the front of the ring that were acknowledged need not be written any more. Not
  /// while the writer is busy.
  void drop_acknowledged();

  /// Removes the oldest segments while all have more than `max_bytes`. Segment `kept` stays, as
  /// below. Their names are appended to `names`; returns how many records were lost: neither
  /// acknowledged nor read back.
  std::uint64_t remove_for_size(std::uint64_t max_bytes, std::uint64_t kept,
                                std::vector<std::uint64_t>& names);
  /// The same for those that hold nothing newer than `oldest_ns`.
  std::uint64_t remove_for_age(std::int64_t oldest_ns, std::uint64_t kept,
                               std::vector<std::uint64_t>& names);
  /// Segments wholly below.
  void remove_delivered(std::uint64_t below, std::uint64_t kept, std::vector<std::uint64_t>& names);
  /// Name of a segment that should not be continued.
  [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_.load(); }

  // The reader's.

  enum class Where : std::uint8_t { kNowhere, kSegment, kMemory };
  /// Where the first record from number `from` on lies; `from` is raised to what there is. Gives
  /// the segment, or copies some whole records out of memory and says at what place it began.
  [[nodiscard]] Where locate(std::uint64_t& from, Segment& segment, MemoryPlace& place,
                             std::string& copied) const;
  /// Records of the segment with numbers in [from, below) cannot be read. Returns how many were
  /// lost.
  std::uint64_t lose(std::uint64_t segment, std::uint64_t from, std::uint64_t below);
  /// Takes those records out from index `begin` on that were removed meanwhile; the others count as
  /// read back. Returns how many these are.
  std::size_t finish_read(std::vector<SpoolRecord>& records, std::size_t begin);
  void acknowledge(std::uint64_t below);

  // Any thread's.

  /// See Recovered::begin.
  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  [[nodiscard]] std::uint64_t first() const;
  [[nodiscard]] std::uint64_t end() const;
  /// Of the record in the ring that begins there.
  [[nodiscard]] RecordHeader header_at(std::uint64_t position) const noexcept;
  [[nodiscard]] Mark mark() const;
  [[nodiscard]] std::uint64_t records() const;
  [[nodiscard]] std::uint64_t records(std::uint64_t from, std::uint64_t below) const;
  [[nodiscard]] std::uint64_t bytes() const;
  /// Numbers below are in files.
  [[nodiscard]] std::uint64_t written() const;
  /// Records that wait for the disk.
  [[nodiscard]] std::uint64_t unwritten() const;

 private:
  [[nodiscard]] std::uint64_t first_locked() const noexcept {
    return numbers_.empty() ? end_ : numbers_.first();
  }
  std::uint64_t remove_oldest(std::vector<std::uint64_t>& names);
  [[nodiscard]] bool may_remove(std::uint64_t kept) const noexcept {
    if (segments_.empty() || segments_.front().name == kept) return false;
    return kept != kNewestSegment || segments_.size() > 1;
  }

  mutable std::mutex mutex_;
  std::deque<Segment> segments_;
  std::uint64_t segment_bytes_ = 0;  ///< of all of them
  NumberRuns numbers_;               ///< that are there and not acknowledged
  ByteRing ring_;
  const std::uint64_t begin_;
  std::uint64_t end_;
  std::uint64_t written_;
  std::uint64_t read_ = 0;  ///< numbers below were read back or are gone
  std::atomic<std::uint64_t> damaged_{kNoSegment};
};

}  // namespace hopscope::exporter
