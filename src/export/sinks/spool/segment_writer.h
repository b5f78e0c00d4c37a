#pragma once
// Brings records from memory into segments. Every write begins where whole records end, so what a
// write left half done is written over by the next one. Writer side; never waits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "export/sinks/spool/catalogue.h"
#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk_queue.h"
#include "export/sinks/spool/health.h"
#include "export/sinks/spool/open_segment.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/syncer.h"

namespace hopscope::exporter {

struct SegmentLimits {
  std::uint64_t segment_bytes = 0;
  std::uint64_t max_bytes = 0;    ///< of all segments
  std::int64_t most_span_ns = 0;  ///< a segment older than that ends; 0: no limit
};

class SegmentWriter {
 public:
  /// `header` is that of every segment, but for the first number.
  SegmentWriter(DiskQueue& queue, const SpoolDirectory& directory, Catalogue& catalogue,
                Syncer& syncer, SpoolHealth& health, SpoolMeters& meters,
                const SegmentLimits& limits, SegmentHeader header);
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;
  ~SegmentWriter();

  /// Segments that went for the sake of max_bytes are appended to `removed`; returns how many
  /// records were lost with them.
  std::uint64_t step(std::int64_t now_ns, std::vector<std::uint64_t>& removed) noexcept;
  /// Ends the segment that is written, if it holds anything and no write is under way.
  void end_segment() noexcept;

  [[nodiscard]] bool is_idle() const noexcept { return job_.is_idle(); }
  [[nodiscard]] std::uint32_t salt() const noexcept { return header_.salt; }
  /// Null where none is open.
  [[nodiscard]] OpenSegment* current() const noexcept { return current_.get(); }
  [[nodiscard]] std::uint64_t current_name() const noexcept {
    return current_ ? current_->name : Catalogue::kNoSegment;
  }

 private:
  /// Records at the front of the ring.
  struct Records {
    std::size_t bytes = 0;
    std::uint64_t count = 0;
    Segment part;  ///< their numbers and times
  };

  [[nodiscard]] RecordHeader header_at(std::uint64_t position) const noexcept;
  [[nodiscard]] Records records_within(std::uint64_t bytes) const noexcept;
  void drop_acknowledged() noexcept;
  [[nodiscard]] bool must_end(std::int64_t now_ns) const noexcept;
  void finish(std::int64_t now_ns) noexcept;
  void opened() noexcept;
  void written(std::int64_t now_ns) noexcept;
  void open_next() noexcept;
  std::uint64_t write_next(std::vector<std::uint64_t>& removed) noexcept;

  DiskQueue& queue_;
  const SpoolDirectory& directory_;
  Catalogue& catalogue_;
  ByteRing& ring_;
  Syncer& syncer_;
  SpoolHealth& health_;
  SpoolMeters& meters_;
  const SegmentLimits limits_;
  SegmentHeader header_;
  DiskJob job_;  ///< opening or writing
  std::unique_ptr<OpenSegment> current_;
  std::uint64_t opening_ = 0;
  SegmentHeaderBytes header_bytes_{};
  std::size_t writing_bytes_ = 0;  ///< of records
};

}  // namespace hopscope::exporter
