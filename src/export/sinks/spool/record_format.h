#pragma once
// What a segment looks like on the disk: a header, then records without a gap, little endian.
//
//   header (64): "hopspool"  version u32  salt u32  first number u64  reserved u32  CRC u32
//                what the records are, text (28), zeros behind it  CRC u32 of that
//   record (24 + length): CRC u32  length u32  number u64  time u64  payload
//
// The CRC of a record is over all that follows it and starts from the salt, a random number of each
// start of the program: what a file system brings back of another file is never taken for a record.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hopscope::exporter {

inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kRecordHeaderBytes = 24;
inline constexpr std::size_t kContentBytes = 28;
inline constexpr std::uint32_t kSegmentVersion = 2;

using SegmentHeaderBytes = std::array<char, kSegmentHeaderBytes>;
using RecordHeaderBytes = std::array<char, kRecordHeaderBytes>;

struct SegmentHeader {
  std::uint32_t version = kSegmentVersion;
  std::uint32_t salt = 0;
  std::uint64_t first = 0;  ///< no record in the segment has a lower number
  std::string content{};    ///< what the records are, SpoolOptions::content
};

struct RecordHeader {
  std::uint32_t checksum = 0;
  std::uint32_t length = 0;  ///< of the payload
  std::uint64_t number = 0;
  std::int64_t time_ns = 0;

  [[nodiscard]] std::size_t size() const noexcept { return kRecordHeaderBytes + length; }
};

[[nodiscard]] SegmentHeaderBytes encode(const SegmentHeader& header) noexcept;
/// Nothing where it is none, or a damaged one. Of another version only that is known.
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(const SegmentHeaderBytes& bytes);

/// Puts the right checksum into it.
[[nodiscard]] RecordHeaderBytes encode(const RecordHeader& header, std::uint32_t salt,
                                       std::string_view payload) noexcept;
[[nodiscard]] RecordHeader decode_record_header(const char* bytes) noexcept;
/// `record` is header and payload.
[[nodiscard]] bool is_intact(std::string_view record, std::uint32_t salt) noexcept;

}  // namespace hopscope::exporter
