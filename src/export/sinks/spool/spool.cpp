#include "export/sinks/spool/spool.h"

#include <algorithm>
#include <new>
#include <utility>

#include "export/sinks/spool/catalogue.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/health.h"
#include "export/sinks/spool/reader.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/recovery.h"
#include "export/sinks/spool/writer.h"

namespace hopscope::exporter {
namespace {

constexpr std::uint64_t kMinSegment = 256;
constexpr std::uint64_t kMinBuffer = 1024;
/// Waiting in memory, this much is written without a tick.
constexpr std::size_t kEager = 256 << 10;
/// Bytes of records in one order, unless one is longer.
constexpr std::uint64_t kMaxAtOnce = 1 << 20;

std::int64_t to_ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

struct SegmentLimits {
  std::uint64_t segment_bytes = 0;
  std::uint64_t max_bytes = 0;  ///< of all segments
};

SegmentLimits limits_of(const SpoolOptions& options) {
  SegmentLimits limits;
  limits.max_bytes = std::max(options.max_bytes, 4 * kMinSegment);
  // Whole segments are removed: one must not be all that there is.
  limits.segment_bytes = std::clamp(options.segment_bytes, kMinSegment, limits.max_bytes / 4);
  return limits;
}

}  // namespace

class Spool::Parts {
 public:
  explicit Parts(const SpoolOptions& options) : Parts(options, limits_of(options)) {}

  Parts(const SpoolOptions& options, const SegmentLimits& limits)
      : directory(options.directory),
        catalogue(recover(directory, options.content, meters),
                  std::max(options.buffer_bytes, kMinBuffer)),
        health(options.directory, std::max<std::int64_t>(to_ns(options.retry_pause_s), 1)),
        reader(directory, catalogue, meters),
        writer(directory, catalogue, health, meters,
               {.engine = options.engine,
                .content = options.content,
                .segment_bytes = limits.segment_bytes,
                .max_span_ns = to_ns(options.max_age_s / 4),
                .mark = read_mark(directory.fd())}),
        limits_(limits),
        sync_interval_ns_(to_ns(options.sync_interval_s)),
        max_age_ns_(to_ns(options.max_age_s)),
        end_(catalogue.end()) {
    longest_record = static_cast<std::size_t>(std::min<std::uint64_t>(
                         {stream_capacity(limits.segment_bytes), catalogue.ring().capacity() / 2,
                          kMaxRecordBytes})) -
                     kRecordHeaderBytes;
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  Append append(std::uint64_t number, std::string_view record, std::int64_t time_ns) noexcept {
    if (number < end_ || number == UINT64_MAX) return Append::kOutOfOrder;
    if (record.size() > longest_record) return Append::kTooLarge;
    if (health.is_failing()) return Append::kFailing;
    const RecordHeader header{
        .length = static_cast<std::uint32_t>(record.size()), .number = number, .time_ns = time_ns};
    const ByteRing& ring = catalogue.ring();
    try {
      if (ring.room() < header.size()) write();
      // Where it was full of what was acknowledged there is room now.
      if (ring.room() < header.size()) return Append::kNoRoom;
      catalogue.take(header, record);
      end_ = number + 1;
      is_used_ = true;
      if (ring.used() >= std::min(kEager, ring.capacity() / 2)) write();
    } catch (const std::bad_alloc&) {
      return end_ > number ? Append::kTaken : Append::kNoRoom;
    }
    return Append::kTaken;
  }

  Removed tick(std::int64_t now_ns) noexcept {
    // A clock that was set back starts a new interval.
    const bool due = last_sync_ns_ == INT64_MIN || now_ns < last_sync_ns_ ||
                     now_ns - last_sync_ns_ >= sync_interval_ns_;
    if (due) last_sync_ns_ = now_ns;
    now_ns_ = now_ns;
    Order order{.now_ns = now_ns, .sync = due};
    keep_limits(order);
    order.end_segment = due && !std::exchange(is_used_, false) && catalogue.records() == 0;
    add_records(order);
    if (due || order.write_until > 0 || !order.remove.empty() || health.is_failing()) {
      writer.give(std::move(order));
    }
    return {.below = catalogue.first(),
            .for_size = std::exchange(lost_for_size_, 0),
            .for_age = std::exchange(lost_for_age_, 0)};
  }

  bool flush() noexcept {
    const std::uint64_t sync_errors = meters.sync_errors.get();
    writer.wait();
    // One round may only find out what the next one has to do; several of them that bring nothing
    // into files, and yet not all done: the disk refuses.
    for (int idle_rounds = 0; idle_rounds < 5; ++idle_rounds) {
      const std::uint64_t before = catalogue.ring().begin();
      Order order{.now_ns = now_ns_, .flush = true, .sync = true};
      keep_limits(order);
      add_records(order);
      const bool is_last = order.remove.empty();
      writer.give(std::move(order));
      writer.wait();
      if (is_last && catalogue.ring().used() == 0 && writer.is_settled()) {
        return sync_errors == meters.sync_errors.get();
      }
      if (catalogue.ring().begin() != before) idle_rounds = 0;
    }
    return false;
  }

  SpoolMeters meters;
  SpoolDirectory directory;
  Catalogue catalogue;
  SpoolHealth health;
  SpoolReader reader;
  std::size_t longest_record = 0;
  Writer writer;

 private:
  void write() {
    Order order{.now_ns = now_ns_};
    add_records(order);
    if (order.write_until > 0) writer.give(std::move(order));
  }

  /// As many as may be written at once, if the writer has nothing to do; the oldest segments make
  /// room for them.
  void add_records(Order& order) {
    if (writer.is_busy()) return;
    catalogue.drop_acknowledged();
    const ByteRing& ring = catalogue.ring();
    if (ring.used() == 0) return;
    const std::uint64_t first = catalogue.header_at(ring.begin()).size();
    const std::uint64_t chunk = std::min(kMaxAtOnce, stream_capacity(limits_.segment_bytes));
    const std::uint64_t bytes = std::min<std::uint64_t>(ring.used(), std::max(chunk, first));
    order.write_until = ring.begin() + bytes;
    // They go into the segment that is written and a new one, or two if the first one must end.
    const std::uint64_t growth = stream_end(kSegmentHeaderBytes, bytes) + 2 * kSegmentHeaderBytes;
    lost_for_size_ +=
        catalogue.remove_for_size(limits_.max_bytes - std::min(growth, limits_.max_bytes),
                                  writer.current_name(), order.remove);
  }

  void keep_limits(Order& order) {
    const std::uint64_t kept = writer.is_busy() ? Catalogue::kNewestSegment : writer.current_name();
    catalogue.remove_delivered(writer.mark_passed(), kept, order.remove);
    lost_for_size_ += catalogue.remove_for_size(limits_.max_bytes, kept, order.remove);
    if (max_age_ns_ == 0) return;
    order.end_before_ns = now_ns_ - max_age_ns_;
    lost_for_age_ += catalogue.remove_for_age(order.end_before_ns, kept, order.remove);
  }

  const SegmentLimits limits_;
  const std::int64_t sync_interval_ns_;
  const std::int64_t max_age_ns_;
  std::uint64_t end_;
  std::int64_t now_ns_ = 0;
  std::int64_t last_sync_ns_ = INT64_MIN;
  bool is_used_ = false;  ///< since the last sync
  std::uint64_t lost_for_size_ = 0;
  std::uint64_t lost_for_age_ = 0;
};

Spool::Spool(const SpoolOptions& options) : parts_(std::make_unique<Parts>(options)) {}
Spool::~Spool() = default;

Spool::Append Spool::append(std::uint64_t number, std::string_view record,
                            std::int64_t time_ns) noexcept {
  return parts_->append(number, record, time_ns);
}
Spool::Removed Spool::tick(std::int64_t now_ns) noexcept {
  return parts_->tick(now_ns);
}
bool Spool::flush() noexcept {
  return parts_->flush();
}

std::size_t Spool::read(std::uint64_t from, std::size_t max_records, std::size_t max_bytes,
                        std::vector<Stored>& out) {
  return parts_->reader.read(from, max_records, max_bytes, out);
}
void Spool::acknowledge(std::uint64_t below) noexcept {
  parts_->catalogue.acknowledge(below);
  parts_->reader.let_go(below);
}

std::uint64_t Spool::first() const {
  return parts_->catalogue.first();
}
std::uint64_t Spool::found_from() const noexcept {
  return parts_->catalogue.begin();
}
std::uint64_t Spool::end() const {
  return parts_->catalogue.end();
}
std::uint64_t Spool::records() const {
  return parts_->catalogue.records();
}
std::uint64_t Spool::records(std::uint64_t from, std::uint64_t below) const {
  return parts_->catalogue.records(from, below);
}
std::uint64_t Spool::bytes() const {
  return parts_->catalogue.bytes();
}
std::uint64_t Spool::written() const {
  return parts_->catalogue.written();
}
std::uint64_t Spool::unwritten() const {
  return parts_->catalogue.unwritten();
}
std::uint64_t Spool::synced() const {
  return parts_->writer.synced();
}
std::size_t Spool::longest_record() const noexcept {
  return parts_->longest_record;
}
Spool::Counters Spool::counters() const {
  return parts_->meters.read();
}
bool Spool::is_failing() const {
  return parts_->health.is_failing();
}
std::string Spool::failure() const {
  return parts_->health.failure();
}
const std::string& Spool::engine() const noexcept {
  return parts_->writer.engine();
}

}  // namespace hopscope::exporter
