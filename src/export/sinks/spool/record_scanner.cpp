#include "export/sinks/spool/record_scanner.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace hopscope::exporter {
namespace {

constexpr std::size_t kReadAhead = 64 * kBlockBytes;

/// Fills `to` from the file. Blocks that cannot be read, and what is behind the end of the file,
/// become zeros. Returns the last error number or 0.
int read_blocks(int fd, std::string& to, std::uint64_t offset) {
  int error = 0;
  for (std::size_t done = 0; done < to.size();) {
    const ssize_t got = pread(fd, &to[done], to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      continue;
    }
    if (got < 0) error = errno;
    const std::size_t block_left = kBlockBytes - (offset + done) % kBlockBytes;
    const std::size_t zeros = got == 0 ? to.size() - done : std::min(block_left, to.size() - done);
    std::memset(&to[done], 0, zeros);
    done += zeros;
  }
  return error;
}

}  // namespace

/// The bytes of the file from `offset` on; `available` says how many there are, not more than are
/// wanted.
const char* RecordScanner::at(std::uint64_t offset, std::size_t& available) {
  HOPSCOPE_ASSERT(offset < limit_);
  if (offset < buffer_at_ || offset >= buffer_at_ + buffer_.size()) {
    buffer_at_ = offset - offset % kBlockBytes;
    buffer_.resize(
        static_cast<std::size_t>(std::min<std::uint64_t>(kReadAhead, limit_ - buffer_at_)));
    if (const int error = read_blocks(fd_, buffer_, buffer_at_)) error_ = error;
  }
  const auto begin = static_cast<std::size_t>(offset - buffer_at_);
  available = std::min(available, buffer_.size() - begin);
  return &buffer_[begin];
}

/// From the stream: without the block headers in between.
void RecordScanner::copy(std::uint64_t offset, char* to, std::size_t size) {
  while (size > 0) {
    offset = skip_block_header(offset);
    std::size_t part = std::min(size, static_cast<std::size_t>(kBlockBytes - offset % kBlockBytes));
    const char* const from = at(offset, part);
    std::memcpy(to, from, part);
    offset += part;
    to += part;
    size -= part;
  }
}

RecordScanner::Found RecordScanner::look(std::uint64_t least) {
  header_ = RecordHeader{};
  if (offset_ >= limit_) return Found::kEnd;
  if (stream_end(offset_, kRecordHeaderBytes) > limit_) return Found::kCut;
  RecordHeaderBytes bytes;
  copy(offset_, bytes.data(), bytes.size());
  header_ = decode_record_header(bytes.data());
  header_.has_length = header_.has_length && header_.size() <= kMaxRecordBytes;
  if (!header_.has_length) return Found::kDamaged;
  end_ = stream_end(offset_, header_.size());
  if (end_ > limit_) {
    header_.has_length = false;
    return Found::kCut;
  }
  if (header_.number < least || header_.number == UINT64_MAX) return Found::kDamaged;
  record_.resize(header_.size());
  copy(offset_, record_.data(), record_.size());
  return is_intact(record_, salt_) ? Found::kRecord : Found::kDamaged;
}

std::optional<std::size_t> RecordScanner::first_record_of(std::uint64_t block) {
  BlockHeaderBytes bytes;
  std::size_t available = bytes.size();
  const char* const from = at(block * kBlockBytes, available);
  if (available < bytes.size()) return std::nullopt;
  std::copy_n(from, bytes.size(), bytes.begin());
  return decode_block_header(bytes, block, salt_);
}

void RecordScanner::jump_over_damage() {
  if (header_.has_length) {
    offset_ = end_;
    return;
  }
  // The header of a record that begins a block lies behind that of the block.
  for (std::uint64_t block = offset_ / kBlockBytes + (offset_ % kBlockBytes == 0 ? 0 : 1);
       block * kBlockBytes + kBlockHeaderBytes < limit_; ++block) {
    const std::uint64_t to = block * kBlockBytes + first_record_of(block).value_or(0);
    if (to > skip_block_header(offset_) && to < limit_ && to % kBlockBytes != 0) {
      offset_ = to;
      return;
    }
  }
  offset_ = limit_;
}

RecordScanner::Found RecordScanner::skip_damage(std::uint64_t least) {
  while (true) {
    jump_over_damage();
    const Found found = look(least);
    if (found == Found::kRecord || found == Found::kEnd) return found;
  }
}

std::size_t RecordScanner::damaged_block_headers() {
  std::size_t damaged = 0;
  for (std::uint64_t block = (offset_ + kBlockBytes - 1) / kBlockBytes; block * kBlockBytes < end_;
       ++block) {
    if (!first_record_of(block)) ++damaged;
  }
  return damaged;
}

}  // namespace hopscope::exporter
