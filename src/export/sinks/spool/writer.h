#pragma once
// The thread that does all writing of a spool: records, syncs, the mark, removing files. It is
// given one order after the other, does it in a straight line, and waits for the disk alone.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "export/sinks/spool/catalogue.h"
#include "export/sinks/spool/counters.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk.h"
#include "export/sinks/spool/health.h"
#include "export/sinks/spool/mark.h"
#include "export/sinks/spool/record_format.h"

namespace hopscope::exporter {

struct WriterOptions {
  SpoolEngine engine = SpoolEngine::kAuto;
  std::string content;
  std::uint64_t segment_bytes = 0;
  std::int64_t max_span_ns = 0;  ///< a segment older than that ends; 0: no limit
  Mark mark;                     ///< as it stands on the disk
};

/// What the writer is to do, in this order.
struct Order {
  std::int64_t now_ns = 0;
  bool flush = false;  ///< even if the disk failed a moment ago; the mark says how many there are
  std::uint64_t write_until = 0;           ///< position in the ring: whole records before it
  std::int64_t end_before_ns = INT64_MIN;  ///< end the segment if it has an older record
  bool end_segment = false;                ///< end it if it has any
  bool sync = false;                       ///< data, directory and mark
  std::vector<std::uint64_t> remove{};     ///< names of segments
};

class Writer {
 public:
  Writer(const SpoolDirectory& directory, Catalogue& catalogue, SpoolHealth& health,
         SpoolMeters& meters, const WriterOptions& options);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  /// Waits for what is under way.
  ~Writer();

  // For the thread that appends; none but wait() waits for the disk.

  [[nodiscard]] bool is_busy() const;
  /// While it is busy, orders are put together, and records must not be among them.
  void give(Order&& order);
  void wait();

  /// The segment that is written; Catalogue::kNoSegment if there is none.
  [[nodiscard]] std::uint64_t current_name() const noexcept { return current_name_; }
  /// Segments below may go: this mark is on the disk, or the disk refused it. Without it a restart
  /// delivers more twice, no less once: no reason to keep them, and a full disk needs the space.
  [[nodiscard]] std::uint64_t mark_passed() const noexcept { return mark_passed_; }
  /// Records with lower numbers that were written have been synced, or were acknowledged.
  [[nodiscard]] std::uint64_t synced() const noexcept { return synced_; }
  /// All that was written is synced, and the mark says what the catalogue says. Not while busy.
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] const std::string& engine() const noexcept { return disk_.engine(); }

 private:
  /// A segment that is open for writing, or was and waits to be synced and closed.
  struct OpenSegment {
    FileDescriptor file;
    std::uint64_t name = 0;
    std::uint32_t salt = 0;
    std::uint64_t bytes = 0;  ///< to the end of the last whole record; 0: empty yet
    std::uint64_t synced_bytes = 0;
    std::uint64_t unsynced = 0;  ///< no record with a lower number waits for a sync
    std::uint64_t last = 0;      ///< number of the last record
    std::int64_t oldest_ns = 0;
    bool must_end = false;  ///< the disk found fault with it: go on with another

    [[nodiscard]] bool is_dirty() const noexcept { return bytes > synced_bytes; }
  };
  /// Whole records that were put together for one write.
  struct Records {
    std::uint64_t count = 0;
    std::size_t ring_bytes = 0;
    Segment part;  ///< numbers, times, and the end of the last one in the file
  };

  void work() noexcept;
  void run(const Order& order);
  void write_records(std::uint64_t until, std::int64_t now_ns);
  [[nodiscard]] bool open_segment(std::int64_t now_ns);
  void end_segment();
  [[nodiscard]] bool must_end(std::int64_t now_ns) const noexcept;
  [[nodiscard]] Records gather(std::uint64_t until, std::uint64_t max_file_end);
  [[nodiscard]] bool write_gathered(const Records& wanted, std::int64_t now_ns);
  void commit(Records& done);
  void sync(std::int64_t now_ns);
  void sync_data(std::int64_t now_ns);
  void sync_directory(std::int64_t now_ns);
  void write_mark(bool with_end);
  [[nodiscard]] bool store_mark(const Mark& mark);
  void remove(const std::vector<std::uint64_t>& names);
  void tell_synced();

  const SpoolDirectory& directory_;
  Catalogue& catalogue_;
  SpoolHealth& health_;
  SpoolMeters& meters_;
  const WriterOptions options_;
  Disk disk_;

  // The thread's own.
  OpenSegment current_;
  std::vector<OpenSegment> ended_;
  std::uint32_t salt_;
  std::string record_;
  std::string staged_;  ///< what is written next: records with the headers of blocks
  bool directory_dirty_ = false;
  std::uint64_t made_ = UINT64_MAX;  ///< lowest name that a power loss may undo
  // Numbers that a sync failed for.
  std::uint64_t unsure_ = UINT64_MAX;
  std::uint64_t unsure_below_ = 0;
  FileDescriptor mark_file_;
  Mark mark_stored_;
  std::size_t mark_slot_ = 0;

  std::atomic<std::uint64_t> current_name_{Catalogue::kNoSegment};
  std::atomic<std::uint64_t> mark_passed_;
  std::atomic<std::uint64_t> synced_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Order next_;
  bool has_next_ = false;
  bool is_running_ = false;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace hopscope::exporter
