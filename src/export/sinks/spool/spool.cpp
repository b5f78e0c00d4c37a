#include "export/sinks/spool/spool.h"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <utility>

#include "export/sinks/spool/catalogue.h"
#include "export/sinks/spool/directory.h"
#include "export/sinks/spool/disk_queue.h"
#include "export/sinks/spool/health.h"
#include "export/sinks/spool/mark_writer.h"
#include "export/sinks/spool/reader.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/recovery.h"
#include "export/sinks/spool/remover.h"
#include "export/sinks/spool/segment_writer.h"
#include "export/sinks/spool/syncer.h"

namespace hopscope::exporter {
namespace {

constexpr std::uint64_t kLeastSegment = 256;
constexpr std::uint64_t kLeastBuffer = 1024;
/// Waiting in memory, this much is written without a tick.
constexpr std::size_t kEager = 256 << 10;

std::int64_t to_ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9);
}

SegmentLimits limits_of(const SpoolOptions& options) {
  SegmentLimits limits;
  limits.max_bytes = std::max(options.max_bytes, 4 * kLeastSegment);
  // Whole segments are removed: one must not be all that there is.
  limits.segment_bytes = std::clamp(options.segment_bytes, kLeastSegment, limits.max_bytes / 4);
  limits.most_span_ns = to_ns(options.max_age_s / 4);
  return limits;
}

std::uint32_t random_salt() {
  std::uint32_t salt = 0;
  (void)!getrandom(&salt, sizeof salt, 0);
  return salt;
}

std::unique_ptr<DiskQueue> open_queue(SpoolEngine engine, std::string& name) {
  std::string why = "as configured";
  if (engine == SpoolEngine::kAuto) {
    if (auto queue = open_uring_queue(why)) {
      name = "io_uring";
      return queue;
    }
    why = "io_uring: " + why;
  }
  name = "thread (" + why + ")";
  return open_thread_queue();
}

}  // namespace

class Spool::Parts {
 public:
  explicit Parts(const SpoolOptions& options) : Parts(options, limits_of(options)) {}

  Parts(const SpoolOptions& options, const SegmentLimits& limits)
      : directory(options.directory),
        catalogue(recover(directory, options.content, meters),
                  std::max(options.buffer_bytes, kLeastBuffer)),
        health(options.directory, std::max<std::int64_t>(to_ns(options.retry_pause_s), 1)),
        reader(directory, catalogue, meters),
        queue_(open_queue(options.engine, engine)),
        syncer_(*queue_, directory, health, meters, to_ns(options.sync_interval_s)),
        writer_(*queue_, directory, catalogue, syncer_, health, meters, limits,
                {.salt = random_salt(), .content = options.content}),
        mark_writer_(*queue_, directory, meters, read_mark(directory.fd())),
        remover_(*queue_, directory, meters),
        limits_(limits),
        max_age_ns_(to_ns(options.max_age_s)),
        end_(catalogue.end()) {
    longest_record = static_cast<std::size_t>(std::min<std::uint64_t>(
                         {limits.segment_bytes - kSegmentHeaderBytes,
                          catalogue.ring().capacity() / 2, kLongestRecord})) -
                     kRecordHeaderBytes;
    synced = end_;
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    // Nothing that a job points to may go before it.
    while (!queue_->is_idle()) queue_->wait();
  }

  Append append(std::uint64_t number, std::string_view record, std::int64_t time_ns) noexcept {
    if (number < end_ || number == UINT64_MAX) return Append::kOutOfOrder;
    if (record.size() > longest_record) return Append::kTooLarge;
    if (health.is_failing()) return Append::kFailing;
    const RecordHeader header{
        .length = static_cast<std::uint32_t>(record.size()), .number = number, .time_ns = time_ns};
    ByteRing& ring = catalogue.ring();
    if (ring.room() < header.size()) {
      write();
      if (health.is_failing()) return Append::kFailing;
      if (ring.room() < header.size()) return Append::kNoRoom;
    }
    try {
      catalogue.take(number, encode(header, writer_.salt(), record), record);
    } catch (const std::bad_alloc&) {
      return Append::kNoRoom;
    }
    end_ = number + 1;
    is_used_ = true;
    if (ring.used() >= std::min(kEager, ring.capacity() / 2)) write();
    return Append::kTaken;
  }

  Removed tick(std::int64_t now_ns) noexcept {
    now_ns_ = now_ns;
    work(false);
    keep_limits();
    const Removed done{.below = catalogue.first(),
                       .for_size = std::exchange(lost_for_size_, 0),
                       .for_age = std::exchange(lost_for_age_, 0)};
    return done;
  }

  bool flush() noexcept {
    // What began before may fail for reasons that are gone by now.
    while (!queue_->is_idle()) queue_->wait();
    work(true);
    health.try_now();
    mark_writer_.try_now();
    const std::uint64_t sync_errors = meters.sync_errors.get();
    // One round may only find out what the next one has to do; several of them with nothing under
    // way, and yet not all done: the disk refuses.
    for (int idle_rounds = 0; idle_rounds < 4; ++idle_rounds) {
      work(true);
      if (is_settled()) return sync_errors == meters.sync_errors.get();
      if (queue_->is_idle()) continue;
      queue_->wait();
      idle_rounds = 0;
    }
    return false;
  }

  SpoolMeters meters;
  SpoolDirectory directory;
  Catalogue catalogue;
  SpoolHealth health;
  SpoolReader reader;
  std::string engine;
  std::size_t longest_record = 0;
  std::atomic<std::uint64_t> synced{0};

 private:
  void write() noexcept {
    queue_->poll();
    lost_for_size_ += writer_.step(now_ns_, remover_.names());
  }

  void work(bool at_once) noexcept {
    write();
    const bool due = syncer_.step(writer_.current(), now_ns_, at_once);
    // At the end it says how many there were, so that damage to the last ones shows.
    const bool tells_end = at_once && catalogue.unwritten() == 0;
    const bool marked = mark_writer_.step(catalogue.mark(), due, !at_once, tells_end);
    if (due || marked) {
      catalogue.remove_delivered(mark_writer_.passed(), writer_.current_name(), remover_.names());
    }
    if (due && !std::exchange(is_used_, false) && catalogue.records() == 0) writer_.end_segment();
    if (remover_.step()) syncer_.directory_changed();
    synced = std::min(syncer_.synced(writer_.current(), catalogue.first()), catalogue.written());
  }

  void keep_limits() noexcept {
    lost_for_size_ +=
        catalogue.remove_for_size(limits_.max_bytes, writer_.current_name(), remover_.names());
    if (max_age_ns_ == 0) return;
    const std::int64_t oldest_ns = now_ns_ - max_age_ns_;
    const OpenSegment* const current = writer_.current();
    if (current != nullptr && current->bytes > 0 && current->oldest_ns < oldest_ns) {
      writer_.end_segment();
    }
    lost_for_age_ += catalogue.remove_for_age(oldest_ns, writer_.current_name(), remover_.names());
  }

  [[nodiscard]] bool is_settled() noexcept {
    return catalogue.ring().used() == 0 && writer_.is_idle() &&
           syncer_.is_settled(writer_.current()) && mark_writer_.is_idle() &&
           mark_writer_.stored().below == catalogue.first() && remover_.is_settled();
  }

  std::unique_ptr<DiskQueue> queue_;
  Syncer syncer_;
  SegmentWriter writer_;
  MarkWriter mark_writer_;
  Remover remover_;
  const SegmentLimits limits_;
  const std::int64_t max_age_ns_;
  std::uint64_t end_;
  std::int64_t now_ns_ = 0;
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
  return parts_->synced;
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
  return parts_->engine;
}

}  // namespace hopscope::exporter
