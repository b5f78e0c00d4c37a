#include "export/sinks/spool/reader.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace hopscope::exporter {
namespace {

/// The machine lacks something that it may have later; else the segment is lost.
bool passes(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR || error == EAGAIN;
}

}  // namespace

bool SpoolReader::Batch::add(const RecordHeader& header, std::string_view payload) {
  if (records_left == 0 || (payload.size() > bytes_left && added)) {
    is_full = true;
    return false;
  }
  out.push_back(
      {.number = header.number, .time_ns = header.time_ns, .record = std::string(payload)});
  from = header.number + 1;
  added = true;
  --records_left;
  bytes_left -= std::min(bytes_left, payload.size());
  return true;
}

bool SpoolReader::open(const Segment& segment, std::uint64_t from) {
  if (name_ != segment.name) {
    name_ = Catalogue::kNoSegment;
    file_.reset(openat(directory_.fd(), segment_name(segment.name).data(), O_RDONLY | O_CLOEXEC));
    if (!file_.is_open()) return false;
    name_ = segment.name;
    next_ = UINT64_MAX;
  }
  if (from < next_) {
    scanner_.emplace(file_.get(), segment.salt, segment.bytes);
    next_ = segment.first;
  }
  return true;
}

void SpoolReader::lose(const Segment& segment, std::uint64_t from, std::uint64_t below) {
  meters_.corrupt_records.add(catalogue_.lose(segment.name, from, below));
}

bool SpoolReader::read_segment(const Segment& segment, Batch& batch) {
  if (!open(segment, batch.from)) {
    meters_.read_errors.add(1);
    if (passes(errno)) return false;
    lose(segment, segment.first, segment.last + 1);
    batch.from = std::max(batch.from, segment.last + 1);
    return true;
  }
  last_ = segment.last;
  scanner_->set_limit(segment.bytes);
  while (true) {
    const std::uint64_t place = scanner_->offset();
    RecordScanner::Found found = scanner_->look(next_);
    const bool is_damaged =
        found != RecordScanner::Found::kRecord && found != RecordScanner::Found::kEnd;
    if (is_damaged) found = scanner_->skip_damage(next_);
    if (const int error = scanner_->take_error()) {
      meters_.read_errors.add(1);
      if (passes(error)) {
        scanner_->forget();
        scanner_->jump(place);
        return false;
      }
    }
    const bool is_end = found == RecordScanner::Found::kEnd;
    const std::uint64_t number = is_end ? segment.last + 1 : scanner_->header().number;
    if (is_damaged) lose(segment, next_, number);
    next_ = std::max(next_, number);
    if (is_end) {
      batch.from = std::max(batch.from, segment.last + 1);
      return true;
    }
    if (number >= batch.from && !batch.add(scanner_->header(), scanner_->payload())) return false;
    next_ = number + 1;
    scanner_->pass();
  }
}

void SpoolReader::read_memory(Batch& batch) {
  std::string_view left = copied_;
  while (!left.empty()) {
    const RecordHeader header = decode_record_header(left.data());
    if (header.number >= batch.from &&
        !batch.add(header, left.substr(kRecordHeaderBytes, header.length))) {
      return;
    }
    left.remove_prefix(header.size());
    place_ = {.position = place_.position + header.size(), .number = batch.from};
  }
}

void SpoolReader::let_go(std::uint64_t below) noexcept {
  if (name_ != Catalogue::kNoSegment && below <= last_) return;
  name_ = Catalogue::kNoSegment;
  scanner_.reset();
  file_.reset();
}

std::size_t SpoolReader::read(std::uint64_t from, std::size_t max_records, std::size_t max_bytes,
                              std::vector<SpoolRecord>& out) {
  const std::size_t begin = out.size();
  Batch batch{.out = out, .from = from, .records_left = max_records, .bytes_left = max_bytes};
  bool goes_on = max_records > 0;
  while (goes_on && !batch.is_full && batch.records_left > 0) {
    Segment segment;
    switch (catalogue_.locate(batch.from, segment, place_, copied_)) {
      case Catalogue::Where::kNowhere:
        goes_on = false;
        break;
      case Catalogue::Where::kSegment:
        goes_on = read_segment(segment, batch);
        break;
      case Catalogue::Where::kMemory:
        read_memory(batch);
        break;
    }
  }
  return catalogue_.finish_read(out, begin);
}

}  // namespace hopscope::exporter
