#pragma once
// Walks over the records of a segment and believes none of them: length, number and checksum are
// tested before a record is shown.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "export/sinks/spool/record_format.h"

namespace hopscope::exporter {

/// Nothing longer is written; a length above it is damage.
inline constexpr std::size_t kLongestRecord = 64 << 20;

/// Bytes under checksums made in vain until a segment is given up: about a second's work.
inline constexpr std::uint64_t kMostInVain = std::uint64_t{1} << 30;

class SegmentScanner {
 public:
  enum class Found : std::uint8_t {
    kRecord,
    kEnd,         ///< of the bytes given by the limit, behind a whole record
    kCut,         ///< what is there until the limit is not a whole record
    kDamaged,     ///< checksum or number are wrong
    kUnreadable,  ///< reading failed, see error()
  };

  /// `offset` is that of a record, `limit` is where to stop. The file stays the caller's.
  SegmentScanner(int fd, std::uint32_t salt, std::uint64_t offset, std::uint64_t limit) noexcept
      : fd_(fd), salt_(salt), offset_(offset), limit_(limit) {}

  /// Looks at the record at offset(); `least` is what its number must be at least.
  [[nodiscard]] Found look(std::uint64_t least);
  /// Behind damage at offset(): goes to the next whole record before the limit and finds it, if its
  /// number is no more than some thousand millions above `least`, it is no longer than 2 MiB, and
  /// that does not take too long. Else offset() is anywhere.
  [[nodiscard]] Found find(std::uint64_t least);
  /// find() has made so many checksums in vain that it will find nothing any more.
  [[nodiscard]] bool has_given_up() const noexcept { return in_vain_ >= kMostInVain; }
  /// The record that look() or find() found, until one of them is called again.
  [[nodiscard]] const RecordHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::string_view payload() const noexcept {
    return {&buffer_[begin_ + kRecordHeaderBytes], header_.length};
  }
  /// Goes on behind the record that look() found.
  void pass() noexcept {
    begin_ += header_.size();
    offset_ += header_.size();
  }

  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  void set_limit(std::uint64_t limit) noexcept { limit_ = limit; }
  void jump(std::uint64_t offset) noexcept;
  /// errno of the read that failed; 0 where the file was shorter than the limit.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  [[nodiscard]] bool fill(std::size_t wanted);
  [[nodiscard]] Found look(std::uint64_t least, std::uint64_t most, std::uint64_t longest);

  int fd_;
  std::uint32_t salt_;
  std::uint64_t offset_;
  std::uint64_t limit_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  ///< in the buffer, of what lies at offset_ in the file
  std::size_t end_ = 0;
  RecordHeader header_;
  std::uint64_t in_vain_ = 0;  ///< bytes whose checksum was wrong
  int error_ = 0;
};

}  // namespace hopscope::exporter
