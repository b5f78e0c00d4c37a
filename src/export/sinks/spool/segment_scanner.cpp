#include "export/sinks/spool/segment_scanner.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hopscope::exporter {
namespace {

constexpr std::size_t kReadAhead = 256 << 10;
/// What is searched for a record holds few numbers by chance that are so near to the one before, so
/// that few checksums are made in vain.
constexpr std::uint64_t kMostGap = std::uint64_t{1} << 32;
/// Nor is one that is found longer: a byte or two in front of a record its length looks like that
/// of a very long one, and each would cost a checksum of megabytes.
constexpr std::uint64_t kLongestFound = 2 << 20;

}  // namespace

void SegmentScanner::jump(std::uint64_t offset) noexcept {
  offset_ = offset;
  begin_ = end_ = 0;
}

bool SegmentScanner::fill(std::size_t wanted) {
  if (end_ - begin_ >= wanted) return true;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < std::max(wanted, kReadAhead)) buffer_.resize(std::max(wanted, kReadAhead));
  while (end_ < wanted) {
    const std::uint64_t place = offset_ + end_;
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size() - end_, limit_ - place));
    const ssize_t got = pread(fd_, &buffer_[end_], most, static_cast<off_t>(place));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      error_ = got < 0 ? errno : 0;
      return false;
    }
    end_ += static_cast<std::size_t>(got);
  }
  return true;
}

SegmentScanner::Found SegmentScanner::look(std::uint64_t least) {
  return look(least, UINT64_MAX - 1, kLongestRecord);
}

SegmentScanner::Found SegmentScanner::look(std::uint64_t least, std::uint64_t most,
                                           std::uint64_t longest) {
  if (offset_ >= limit_) return Found::kEnd;
  const std::uint64_t left = limit_ - offset_;
  if (left < kRecordHeaderBytes) return Found::kCut;
  if (!fill(kRecordHeaderBytes)) return Found::kUnreadable;
  header_ = decode_record_header(&buffer_[begin_]);
  if (header_.size() > left) return Found::kCut;
  if (header_.size() > longest) return Found::kDamaged;
  if (header_.number < least || header_.number > most) return Found::kDamaged;
  if (!fill(header_.size())) return Found::kUnreadable;
  if (is_intact({&buffer_[begin_], header_.size()}, salt_)) return Found::kRecord;
  in_vain_ += header_.size();
  return Found::kDamaged;
}

SegmentScanner::Found SegmentScanner::find(std::uint64_t least) {
  const std::uint64_t most = least + std::min(kMostGap, UINT64_MAX - 1 - least);
  Found found = Found::kCut;
  while (limit_ - offset_ > kRecordHeaderBytes && !has_given_up()) {
    if (!fill(1)) return Found::kUnreadable;
    ++begin_;
    ++offset_;
    found = look(least, most, kLongestFound);
    if (found == Found::kRecord || found == Found::kUnreadable) break;
  }
  return found;
}

}  // namespace hopscope::exporter
