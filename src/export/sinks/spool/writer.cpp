#include "export/sinks/spool/writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/assert.h"

namespace hopscope::exporter {
namespace {

/// Segments that may wait for a sync; each holds a file open.
constexpr std::size_t kMaxEnded = 16;

std::uint32_t random_salt() {
  std::uint32_t salt = 0;
  (void)!getrandom(&salt, sizeof salt, 0);
  return salt;
}

}  // namespace

Writer::Writer(const SpoolDirectory& directory, Catalogue& catalogue, SpoolHealth& health,
               SpoolMeters& meters, const WriterOptions& options)
    : directory_(directory),
      catalogue_(catalogue),
      health_(health),
      meters_(meters),
      options_(options),
      disk_(options.engine),
      salt_(random_salt()),
      mark_stored_(options.mark),
      mark_passed_(options.mark.below),
      synced_(catalogue.end()),
      thread_([this] { work(); }) {
  pthread_setname_np(thread_.native_handle(), "spool");
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Writer::is_busy() const {
  const std::lock_guard lock(mutex_);
  return is_running_ || has_next_;
}

void Writer::give(Order&& order) {
  {
    const std::lock_guard lock(mutex_);
    HOPSCOPE_ASSERT(order.write_until == 0 || (!is_running_ && !has_next_));
    if (has_next_) {
      next_.now_ns = order.now_ns;
      next_.flush |= order.flush;
      next_.end_before_ns = std::max(next_.end_before_ns, order.end_before_ns);
      next_.end_segment |= order.end_segment;
      next_.sync |= order.sync;
      next_.remove.insert(next_.remove.end(), order.remove.begin(), order.remove.end());
    } else {
      next_ = std::move(order);
      has_next_ = true;
    }
  }
  changed_.notify_all();
}

void Writer::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !is_running_ && !has_next_; });
}

void Writer::work() noexcept {
  // No signal is this thread's, and a file that may not grow is an error like others.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || has_next_; });
    if (stop_) return;
    const Order order = std::exchange(next_, Order{});
    has_next_ = false;
    is_running_ = true;
    lock.unlock();
    run(order);
    lock.lock();
    is_running_ = false;
    changed_.notify_all();
  }
}

void Writer::run(const Order& order) {
  if (order.flush) health_.try_now();
  if (order.write_until > 0 && health_.may_try(order.now_ns)) {
    write_records(order.write_until, order.now_ns);
  }
  // Nothing left to try with: the next record will show.
  if (catalogue_.ring().used() == 0 && health_.is_failing() && health_.may_try(order.now_ns)) {
    health_.recover();
  }
  const bool is_old = current_.bytes > 0 && current_.oldest_ns < order.end_before_ns;
  if (order.end_segment || is_old) end_segment();
  if (order.sync) {
    sync(order.now_ns);
    write_mark(order.flush);
  } else if (ended_.size() >= kMaxEnded) {
    sync_data(order.now_ns);
  }
  remove(order.remove);
  tell_synced();
}

bool Writer::must_end(std::int64_t now_ns) const noexcept {
  if (current_.bytes == 0) return false;
  if (current_.must_end || catalogue_.damaged() == current_.name) return true;
  return options_.max_span_ns > 0 && now_ns - current_.oldest_ns > options_.max_span_ns;
}

void Writer::write_records(std::uint64_t until, std::int64_t now_ns) {
  const ByteRing& ring = catalogue_.ring();
  const auto next_end = [&] { return ring.begin() + catalogue_.header_at(ring.begin()).size(); };
  while (ring.begin() < until && next_end() <= until) {
    if (must_end(now_ns)) end_segment();
    if (!current_.file.is_open() && !open_segment(now_ns)) return;
    const Records records = gather(until, options_.segment_bytes);
    if (records.count == 0) {
      // Every record that was taken fits into a segment of its own.
      HOPSCOPE_ASSERT(current_.bytes > 0);
      end_segment();
      continue;
    }
    if (!write_gathered(records, now_ns)) return;
  }
}

bool Writer::open_segment(std::int64_t now_ns) {
  const std::uint64_t name = catalogue_.header_at(catalogue_.ring().begin()).number;
  const int file = openat(directory_.fd(), segment_name(name).data(),
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    const int error = errno;
    meters_.write_errors.add(1);
    health_.fail("make", segment_name(name).data(), error, now_ns);
    return false;
  }
  current_ = OpenSegment{};
  current_.file.reset(file);
  current_.name = name;
  current_.salt = salt_;
  salt_ = salt_ * 0x9E3779B1 + 1;
  current_name_ = name;
  directory_dirty_ = true;
  made_ = std::min(made_, name);
  meters_.segments_made.add(1);
  return true;
}

void Writer::end_segment() {
  if (current_.bytes == 0) return;
  ended_.push_back(std::move(current_));
  current_ = OpenSegment{};
  current_name_ = Catalogue::kNoSegment;
}

/// Puts the next records together that lie before `until` in the ring and end at `max_file_end` at
/// most.
Writer::Records Writer::gather(std::uint64_t until, std::uint64_t max_file_end) {
  const ByteRing& ring = catalogue_.ring();
  Records records;
  staged_.clear();
  std::uint64_t offset = current_.bytes;
  if (offset == 0) {
    const SegmentHeaderBytes header = encode(
        SegmentHeader{.salt = current_.salt, .first = current_.name, .content = options_.content});
    staged_.assign(header.data(), header.size());
    offset = header.size();
  }
  for (std::uint64_t position = ring.begin(); position < until;) {
    const RecordHeader header = catalogue_.header_at(position);
    if (position + header.size() > until || stream_end(offset, header.size()) > max_file_end) break;
    record_.resize(header.size());
    ring.copy(position, record_.data(), record_.size());
    seal(record_, current_.salt);
    offset = append_framed(staged_, offset, record_, current_.salt);
    position += header.size();
    if (records.count == 0) {
      records.part.first = header.number;
      records.part.oldest_ns = records.part.newest_ns = header.time_ns;
    }
    records.part.last = header.number;
    records.part.oldest_ns = std::min(records.part.oldest_ns, header.time_ns);
    records.part.newest_ns = std::max(records.part.newest_ns, header.time_ns);
    records.part.bytes = offset;
    records.ring_bytes += header.size();
    ++records.count;
  }
  return records;
}

/// False if the disk did not take it all.
bool Writer::write_gathered(const Records& wanted, std::int64_t now_ns) {
  const std::int64_t result = disk_.write(current_.file.get(), staged_, current_.bytes);
  const auto written = static_cast<std::uint64_t>(std::max<std::int64_t>(result, 0));
  Records done = wanted;
  if (written < staged_.size()) {
    // What was left half done is written over by the next write.
    done = gather(catalogue_.ring().begin() + wanted.ring_bytes, current_.bytes + written);
  }
  if (done.count > 0) commit(done);
  if (done.count == wanted.count) {
    if (health_.is_failing()) health_.recover();
    return true;
  }
  if (result >= 0 && done.count > 0) return true;  // the next write returns the error
  meters_.write_errors.add(1);
  health_.fail("write", segment_name(current_.name).data(),
               result < 0 ? static_cast<int>(-result) : ENOSPC, now_ns);
  // Where the disk says that only space is missing the segment is as good as a new one.
  current_.must_end = result != -ENOSPC && result != -EDQUOT;
  return false;
}

void Writer::commit(Records& done) {
  if (current_.bytes == 0) current_.oldest_ns = done.part.oldest_ns;
  if (!current_.is_dirty()) current_.unsynced = done.part.first;
  current_.bytes = done.part.bytes;
  current_.last = done.part.last;
  current_.oldest_ns = std::min(current_.oldest_ns, done.part.oldest_ns);
  done.part.name = current_.name;
  done.part.salt = current_.salt;
  meters_.written_records.add(done.count);
  meters_.written_bytes.add(done.ring_bytes);
  catalogue_.commit(done.part, done.ring_bytes);
}

void Writer::sync(std::int64_t now_ns) {
  sync_data(now_ns);
  if (directory_dirty_ && health_.may_try(now_ns)) sync_directory(now_ns);
}

void Writer::sync_data(std::int64_t now_ns) {
  std::vector<OpenSegment*> dirty;
  for (OpenSegment& segment : ended_) {
    if (segment.is_dirty()) dirty.push_back(&segment);
  }
  if (current_.is_dirty()) dirty.push_back(&current_);
  std::vector<int> files;
  for (const OpenSegment* segment : dirty) files.push_back(segment->file.get());
  const std::vector<int> results = disk_.sync(files);
  for (std::size_t i = 0; i < dirty.size(); ++i) {
    OpenSegment& segment = *dirty[i];
    if (results[i] < 0) {
      // The kernel forgets what it could not write: syncing again would say yes and mean nothing.
      meters_.sync_errors.add(1);
      health_.fail("sync", segment_name(segment.name).data(), -results[i], now_ns);
      unsure_ = std::min(unsure_, segment.unsynced);
      unsure_below_ = std::max(unsure_below_, segment.last + 1);
      segment.must_end = true;
    } else {
      meters_.syncs.add(1);
    }
    segment.synced_bytes = segment.bytes;
  }
  ended_.clear();
}

void Writer::sync_directory(std::int64_t now_ns) {
  // Some file systems cannot sync a directory and need not.
  if (fsync(directory_.fd()) != 0 && errno != EINVAL) {
    const int error = errno;
    meters_.sync_errors.add(1);
    health_.fail("sync", "", error, now_ns);
    return;
  }
  meters_.syncs.add(1);
  directory_dirty_ = false;
  made_ = UINT64_MAX;
}

void Writer::write_mark(bool with_end) {
  const Mark wanted = catalogue_.mark();
  // With all written the mark says how many there were, so that damage to the last ones shows.
  const bool tells_end = with_end && wanted.end != mark_stored_.end && catalogue_.unwritten() == 0;
  if (wanted.below == mark_stored_.below && !tells_end) return;
  if (store_mark(wanted)) {
    meters_.syncs.add(1);
    mark_stored_ = wanted;
  } else {
    meters_.write_errors.add(1);
  }
  mark_passed_ = wanted.below;
}

bool Writer::store_mark(const Mark& mark) {
  if (!mark_file_.is_open()) {
    mark_file_.reset(
        openat(directory_.fd(), kMarkName.data(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!mark_file_.is_open()) return false;
  }
  const MarkBytes bytes = encode(mark);
  const std::uint64_t offset = mark_slot_ * kMarkSlotBytes;
  mark_slot_ = (mark_slot_ + 1) % kMarkSlots;
  const auto size = static_cast<std::int64_t>(bytes.size());
  return disk_.write(mark_file_.get(), {bytes.data(), bytes.size()}, offset) == size &&
         disk_.sync({mark_file_.get()}).front() == 0;
}

void Writer::remove(const std::vector<std::uint64_t>& names) {
  for (const std::uint64_t name : names) {
    if (unlinkat(directory_.fd(), segment_name(name).data(), 0) == 0) {
      meters_.segments_removed.add(1);
      directory_dirty_ = true;
    } else if (errno != ENOENT) {
      meters_.write_errors.add(
          1);  // the mark says that it is not needed: the next start tries again
    }
  }
}

void Writer::tell_synced() {
  if (catalogue_.first() >= unsure_below_) unsure_ = UINT64_MAX;
  std::uint64_t below = std::min(made_, unsure_);
  for (const OpenSegment& segment : ended_) {
    if (segment.is_dirty()) below = std::min(below, segment.unsynced);
  }
  if (current_.is_dirty()) below = std::min(below, current_.unsynced);
  synced_ = std::min(below, catalogue_.written());
}

bool Writer::is_settled() const {
  HOPSCOPE_ASSERT(!is_busy());
  return ended_.empty() && !current_.is_dirty() && !directory_dirty_ &&
         mark_stored_.below == catalogue_.first();
}

}  // namespace hopscope::exporter
