#include "export/sinks/spool/segment_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace hopscope::exporter {
namespace {

/// Written at once, if records are no longer.
constexpr std::uint64_t kMostAtOnce = 1 << 20;

}  // namespace

SegmentWriter::SegmentWriter(DiskQueue& queue, const SpoolDirectory& directory,
                             Catalogue& catalogue, Syncer& syncer, SpoolHealth& health,
                             SpoolMeters& meters, const SegmentLimits& limits, SegmentHeader header)
    : queue_(queue),
      directory_(directory),
      catalogue_(catalogue),
      ring_(catalogue.ring()),
      syncer_(syncer),
      health_(health),
      meters_(meters),
      limits_(limits),
      header_(std::move(header)) {}

SegmentWriter::~SegmentWriter() {
  if (current_) ::close(current_->fd);
  if (job_.take_result() && job_.kind == DiskJob::Kind::kOpen && job_.result >= 0) {
    ::close(job_.result);
  }
}

RecordHeader SegmentWriter::header_at(std::uint64_t position) const noexcept {
  RecordHeaderBytes bytes;
  ring_.copy(position, bytes.data(), bytes.size());
  return decode_record_header(bytes.data());
}

SegmentWriter::Records SegmentWriter::records_within(std::uint64_t bytes) const noexcept {
  Records records;
  const std::uint64_t limit = std::min<std::uint64_t>(bytes, ring_.used());
  while (records.bytes < limit) {
    const RecordHeader header = header_at(ring_.begin() + records.bytes);
    if (records.bytes + header.size() > limit) break;
    if (records.count == 0) {
      records.part.first = header.number;
      records.part.oldest_ns = records.part.newest_ns = header.time_ns;
    }
    records.part.last = header.number;
    records.part.oldest_ns = std::min(records.part.oldest_ns, header.time_ns);
    records.part.newest_ns = std::max(records.part.newest_ns, header.time_ns);
    records.bytes += header.size();
    ++records.count;
  }
  return records;
}

void SegmentWriter::drop_acknowledged() noexcept {
  const std::uint64_t first = catalogue_.first();
  std::size_t bytes = 0;
  while (bytes < ring_.used()) {
    const RecordHeader header = header_at(ring_.begin() + bytes);
    if (header.number >= first) break;
    bytes += header.size();
  }
  if (bytes > 0) catalogue_.drop(bytes);
}

bool SegmentWriter::must_end(std::int64_t now_ns) const noexcept {
  if (current_->bytes == 0) return false;
  if (current_->must_end || catalogue_.damaged() == current_->name) return true;
  if (limits_.most_span_ns > 0 && now_ns - current_->oldest_ns > limits_.most_span_ns) return true;
  return current_->bytes + header_at(ring_.begin()).size() > limits_.segment_bytes;
}

void SegmentWriter::end_segment() noexcept {
  if (!current_ || current_->bytes == 0 || !job_.is_idle()) return;
  syncer_.adopt(std::move(current_));
}

void SegmentWriter::open_next() noexcept {
  opening_ = header_at(ring_.begin()).number;
  job_.kind = DiskJob::Kind::kOpen;
  job_.fd = directory_.fd();
  job_.flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  job_.name = segment_name(opening_);
  queue_.submit(job_);
}

void SegmentWriter::opened() noexcept {
  current_ = std::make_unique<OpenSegment>();
  current_->fd = job_.result;
  current_->name = opening_;
  header_.first = opening_;
  header_bytes_ = encode(header_);
  syncer_.directory_changed(opening_);
  meters_.segments_made.add(1);
}

std::uint64_t SegmentWriter::write_next(std::vector<std::uint64_t>& removed) noexcept {
  const std::uint64_t before = std::max<std::uint64_t>(current_->bytes, kSegmentHeaderBytes);
  const std::uint64_t most =
      std::min(limits_.segment_bytes - before,
               std::max<std::uint64_t>(kMostAtOnce, header_at(ring_.begin()).size()));
  writing_bytes_ = records_within(most).bytes;
  const std::uint64_t growth = writing_bytes_ + before - current_->bytes;
  const std::uint64_t lost =
      catalogue_.remove_for_size(limits_.max_bytes - growth, current_->name, removed);

  job_.kind = DiskJob::Kind::kWrite;
  job_.fd = current_->fd;
  job_.offset = current_->bytes;
  job_.part_count = 0;
  if (current_->bytes == 0) {
    job_.parts[job_.part_count++] = {.iov_base = header_bytes_.data(),
                                     .iov_len = header_bytes_.size()};
  }
  for (const iovec& part : ring_.parts(ring_.begin(), writing_bytes_)) {
    if (part.iov_len > 0) job_.parts[job_.part_count++] = part;
  }
  queue_.submit(job_);
  return lost;
}

void SegmentWriter::written(std::int64_t now_ns) noexcept {
  const std::size_t header = current_->bytes == 0 ? kSegmentHeaderBytes : 0;
  const std::size_t bytes =
      job_.result < 0 ? 0
                      : static_cast<std::size_t>(job_.result) -
                            std::min<std::size_t>(static_cast<std::size_t>(job_.result), header);
  Records done = records_within(bytes);
  if (done.count > 0) {
    if (current_->bytes == 0) {
      current_->oldest_ns = done.part.oldest_ns;
      current_->unsynced = done.part.first;
    } else if (!current_->is_dirty()) {
      current_->unsynced = done.part.first;
    }
    current_->bytes += header + done.bytes;
    current_->last = done.part.last;
    current_->oldest_ns = std::min(current_->oldest_ns, done.part.oldest_ns);
    done.part.name = current_->name;
    done.part.salt = header_.salt;
    done.part.bytes = current_->bytes;
    catalogue_.commit(done.part, done.bytes);
    meters_.written_records.add(done.count);
    meters_.written_bytes.add(done.bytes);
  }
  if (job_.result < 0 || done.count == 0) {
    // Less than a record was taken: no space, most likely, or the file may not grow any more.
    const int error = job_.result < 0 ? -job_.result : ENOSPC;
    meters_.write_errors.add(1);
    health_.fail("write", segment_name(current_->name).data(), error, now_ns);
    // Where the disk says that only space is missing the segment is as good as a new one.
    current_->must_end = job_.result != -ENOSPC && job_.result != -EDQUOT;
  } else if (done.bytes == writing_bytes_) {
    if (health_.is_failing()) health_.recover();
  }
}

void SegmentWriter::finish(std::int64_t now_ns) noexcept {
  if (job_.kind == DiskJob::Kind::kWrite) {
    written(now_ns);
  } else if (job_.result >= 0) {
    opened();
  } else {
    meters_.write_errors.add(1);
    health_.fail("make", job_.name.data(), -job_.result, now_ns);
  }
}

std::uint64_t SegmentWriter::step(std::int64_t now_ns,
                                  std::vector<std::uint64_t>& removed) noexcept {
  if (job_.take_result()) finish(now_ns);
  if (!job_.is_idle() || !health_.may_try(now_ns)) return 0;
  if (ring_.used() > 0) drop_acknowledged();
  if (ring_.used() == 0) {
    // Nothing left to try with: the next record will show.
    if (health_.is_failing()) health_.recover();
    return 0;
  }
  if (current_ && must_end(now_ns)) end_segment();
  if (current_) return write_next(removed);
  if (!syncer_.is_crowded()) open_next();
  return 0;
}

}  // namespace hopscope::exporter
