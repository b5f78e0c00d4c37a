#include "export/sinks/spool/catalogue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace hopscope::exporter {
namespace {

/// Copied at once while the lock is held.
constexpr std::size_t kCopyBytes = 64 << 10;

}  // namespace

Catalogue::Catalogue(Recovered&& recovered, std::size_t buffer_bytes)
    : segments_(std::move(recovered.segments)),
      numbers_(std::move(recovered.numbers)),
      ring_(buffer_bytes),
      begin_(recovered.begin),
      end_(recovered.end),
      written_(recovered.end) {
  for (const Segment& segment : segments_) segment_bytes_ += segment.bytes;
}

void Catalogue::take(const RecordHeader& header, std::string_view payload) {
  HOPSCOPE_ASSERT(ring_.room() >= header.size() && payload.size() == header.length);
  const RecordHeaderBytes bytes = encode(header);
  ring_.put(ring_.end(), bytes.data(), bytes.size());
  ring_.put(ring_.end() + bytes.size(), payload.data(), payload.size());
  const std::lock_guard lock(mutex_);
  numbers_.add(header.number);
  end_ = header.number + 1;
  ring_.advance_end(header.size());
}

void Catalogue::commit(const Segment& part, std::size_t ring_bytes) {
  const std::lock_guard lock(mutex_);
  if (segments_.empty() || segments_.back().name != part.name) {
    segments_.push_back(part);
    segment_bytes_ += part.bytes;
  } else {
    Segment& segment = segments_.back();
    segment_bytes_ += part.bytes - segment.bytes;
    segment.bytes = part.bytes;
    segment.last = part.last;
    segment.oldest_ns = std::min(segment.oldest_ns, part.oldest_ns);
    segment.newest_ns = std::max(segment.newest_ns, part.newest_ns);
  }
  written_ = part.last + 1;
  ring_.advance_begin(ring_bytes);
}

void Catalogue::drop_acknowledged() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t first = first_locked();
  while (ring_.used() > 0) {
    const RecordHeader header = header_at(ring_.begin());
    if (header.number >= first) break;
    ring_.advance_begin(header.size());
  }
}

RecordHeader Catalogue::header_at(std::uint64_t position) const noexcept {
  RecordHeaderBytes bytes;
  ring_.copy(position, bytes.data(), bytes.size());
  return decode_record_header(bytes.data());
}

std::uint64_t Catalogue::remove_oldest(std::vector<std::uint64_t>& names) {
  const Segment& oldest = segments_.front();
  const std::uint64_t lost = numbers_.count(std::max(read_, oldest.first), oldest.last + 1);
  numbers_.erase(0, oldest.last + 1);
  segment_bytes_ -= oldest.bytes;
  names.push_back(oldest.name);
  segments_.pop_front();
  return lost;
}

std::uint64_t Catalogue::remove_for_size(std::uint64_t max_bytes, std::uint64_t kept,
                                         std::vector<std::uint64_t>& names) {
  const std::lock_guard lock(mutex_);
  std::uint64_t lost = 0;
  while (segment_bytes_ > max_bytes && may_remove(kept)) lost += remove_oldest(names);
  return lost;
}

std::uint64_t Catalogue::remove_for_age(std::int64_t oldest_ns, std::uint64_t kept,
                                        std::vector<std::uint64_t>& names) {
  const std::lock_guard lock(mutex_);
  std::uint64_t lost = 0;
  while (may_remove(kept) && segments_.front().newest_ns < oldest_ns) lost += remove_oldest(names);
  return lost;
}

void Catalogue::remove_delivered(std::uint64_t below, std::uint64_t kept,
                                 std::vector<std::uint64_t>& names) {
  const std::lock_guard lock(mutex_);
  while (may_remove(kept) && segments_.front().last < below) (void)remove_oldest(names);
}

Catalogue::Where Catalogue::locate(std::uint64_t& from, Segment& segment, MemoryPlace& place,
                                   std::string& copied) const {
  const std::lock_guard lock(mutex_);
  from = std::max(from, first_locked());
  const auto found = std::partition_point(segments_.begin(), segments_.end(),
                                          [from](const Segment& one) { return one.last < from; });
  if (found != segments_.end()) {
    segment = *found;
    return Where::kSegment;
  }
  const bool goes_on = place.number <= from && place.position >= ring_.begin();
  std::uint64_t begin = goes_on ? place.position : ring_.begin();
  std::uint64_t end = begin;
  while (end < ring_.end()) {
    const RecordHeader header = header_at(end);
    if (end > begin && end + header.size() - begin > kCopyBytes) break;
    end += header.size();
    if (header.number < from) begin = end;
  }
  place = {.position = begin, .number = from};
  copied.resize(static_cast<std::size_t>(end - begin));
  ring_.copy(begin, copied.data(), copied.size());
  return copied.empty() ? Where::kNowhere : Where::kMemory;
}

std::uint64_t Catalogue::lose(std::uint64_t name, std::uint64_t from, std::uint64_t below) {
  const std::lock_guard lock(mutex_);
  damaged_ = name;
  // What was read back before is not lost by it.
  const std::uint64_t lost = numbers_.count(std::max(from, read_), below);
  numbers_.erase(from, below);
  return lost;
}

std::size_t Catalogue::finish_read(std::vector<SpoolRecord>& records, std::size_t begin) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t first = first_locked();
  const auto from = records.begin() + static_cast<std::ptrdiff_t>(begin);
  records.erase(from, std::partition_point(from, records.end(), [first](const SpoolRecord& one) {
                  return one.number < first;
                }));
  if (records.size() > begin) read_ = std::max(read_, records.back().number + 1);
  return records.size() - begin;
}

void Catalogue::acknowledge(std::uint64_t below) {
  const std::lock_guard lock(mutex_);
  numbers_.erase(0, std::min(below, end_));
}

std::uint64_t Catalogue::first() const {
  const std::lock_guard lock(mutex_);
  return first_locked();
}

std::uint64_t Catalogue::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

Mark Catalogue::mark() const {
  const std::lock_guard lock(mutex_);
  return {.below = first_locked(), .end = end_};
}

std::uint64_t Catalogue::records() const {
  const std::lock_guard lock(mutex_);
  return numbers_.size();
}

std::uint64_t Catalogue::records(std::uint64_t from, std::uint64_t below) const {
  const std::lock_guard lock(mutex_);
  return numbers_.count(from, below);
}

std::uint64_t Catalogue::bytes() const {
  const std::lock_guard lock(mutex_);
  return segment_bytes_ + ring_.used();
}

std::uint64_t Catalogue::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::uint64_t Catalogue::unwritten() const {
  const std::lock_guard lock(mutex_);
  return numbers_.count(written_, end_);
}

}  // namespace hopscope::exporter
