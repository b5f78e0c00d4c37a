#pragma once
// Walks over the records of a segment and believes none of them: length, number and checksum are
// tested before a record is shown. What is damaged is passed over by arithmetic: by the record's
// length, or to the first record of the next block that has one. What the disk cannot read counts
// as zeros, which are never a record.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "export/sinks/spool/record_format.h"

namespace hopscope::exporter {

class RecordScanner {
 public:
  enum class Found : std::uint8_t {
    kRecord,
    kEnd,      ///< the limit
    kCut,      ///< what is there until the limit is not a whole record
    kDamaged,  ///< length, number or checksum are wrong
  };

  /// Begins with the first record; `limit` is the offset where to stop. The file stays the
  /// caller's.
  RecordScanner(int fd, std::uint32_t salt, std::uint64_t limit) noexcept
      : fd_(fd), salt_(salt), limit_(limit) {}

  /// Looks at the record at offset(); `least` is what its number must be at least.
  [[nodiscard]] Found look(std::uint64_t least);
  /// Goes on behind the record that look() found.
  void pass() noexcept { offset_ = end_; }
  /// From a record that is cut or damaged to the next whole one; kEnd if there is none.
  [[nodiscard]] Found skip_damage(std::uint64_t least);

  /// The record that was found, until the next look.
  [[nodiscard]] const RecordHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::string_view payload() const noexcept {
    return std::string_view(record_).substr(kRecordHeaderBytes);
  }
  /// How many headers of the blocks that it begins are damaged. That costs no record.
  [[nodiscard]] std::size_t damaged_block_headers();

  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  void set_limit(std::uint64_t limit) noexcept { limit_ = limit; }
  void jump(std::uint64_t offset) noexcept { offset_ = offset; }
  /// What was read of the file before is read again.
  void forget() noexcept { buffer_.clear(); }
  /// errno of the last read that failed since it was asked for; 0: none.
  [[nodiscard]] int take_error() noexcept { return std::exchange(error_, 0); }

 private:
  [[nodiscard]] const char* at(std::uint64_t offset, std::size_t& available);
  void copy(std::uint64_t offset, char* to, std::size_t size);
  [[nodiscard]] std::optional<std::size_t> first_record_of(std::uint64_t block);
  void jump_over_damage();

  int fd_;
  std::uint32_t salt_;
  std::uint64_t offset_ = kSegmentHeaderBytes;
  std::uint64_t limit_;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;  ///< offset in the file of what is in the buffer
  RecordHeader header_;
  std::string record_;
  std::uint64_t end_ = 0;  ///< of the record
  int error_ = 0;
};

}  // namespace hopscope::exporter
