#pragma once
// What a segment looks like on the disk, little endian. It is a row of blocks of 4 KiB, the unit
// that disks and file systems lose. Each has a header; what is between the headers is one stream of
// records without a gap, and a record may cross several blocks.
//
//   segment header (64): "hopspool"  version u32  salt u32  first number u64  reserved u32  CRC u32
//                        content, text (28), zeros behind it  CRC u32 of that
//   block header (12): CRC u32  block u32  first record u32
//   record (32 + length): CRC u32  length u32  number u64  time u64  length again u32  u32  payload
//
// The segment header stands for the header of block 0. "First record" is where in the block the
// first record begins, 0 if none does: behind damage, reading goes on there. The length of a record
// is stored three times under different masks, and two that agree are believed: a record with a
// wrong CRC is passed over by its length.
//
// CRCs of blocks and records are over all that follows them (of a block the header alone) and start
// from the salt, a random number of each segment: what a file system brings back of another file is
// never taken for a record.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hopscope::exporter {

inline constexpr std::uint64_t kBlockBytes = 4096;
inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kBlockHeaderBytes = 12;
inline constexpr std::size_t kRecordHeaderBytes = 32;
inline constexpr std::size_t kContentBytes = 28;
inline constexpr std::uint32_t kSegmentVersion = 3;
/// Of a record with its header. Nothing longer is written; a length above it is damage.
inline constexpr std::size_t kMaxRecordBytes = 64 << 20;

using SegmentHeaderBytes = std::array<char, kSegmentHeaderBytes>;
using BlockHeaderBytes = std::array<char, kBlockHeaderBytes>;
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
  bool has_length = false;  ///< two copies of the length agree

  [[nodiscard]] std::size_t size() const noexcept { return kRecordHeaderBytes + length; }
};

[[nodiscard]] SegmentHeaderBytes encode(const SegmentHeader& header) noexcept;
/// Nothing if there is none or if it is damaged. For another version only `version` is set.
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(const SegmentHeaderBytes& bytes);

/// `first_record` is an offset in the block.
[[nodiscard]] BlockHeaderBytes encode_block_header(std::uint64_t block, std::size_t first_record,
                                                   std::uint32_t salt) noexcept;
/// The offset in the block of its first record, 0 if there is none; nothing if damaged.
[[nodiscard]] std::optional<std::size_t> decode_block_header(const BlockHeaderBytes& bytes,
                                                             std::uint64_t block,
                                                             std::uint32_t salt) noexcept;

/// Without a checksum.
[[nodiscard]] RecordHeaderBytes encode(const RecordHeader& header) noexcept;
[[nodiscard]] RecordHeader decode_record_header(const char* bytes) noexcept;
/// Puts the checksum into `record`, which is header and payload.
void seal(std::string& record, std::uint32_t salt) noexcept;
[[nodiscard]] bool is_intact(std::string_view record, std::uint32_t salt) noexcept;

/// Where the stream of records goes on in the file: behind the block header if one is due.
[[nodiscard]] constexpr std::uint64_t skip_block_header(std::uint64_t offset) noexcept {
  return offset % kBlockBytes == 0 ? offset + kBlockHeaderBytes : offset;
}
/// Where `size` bytes of the stream end that begin at `offset`, which is not in a header.
[[nodiscard]] std::uint64_t stream_end(std::uint64_t offset, std::uint64_t size) noexcept;
/// How many bytes of records fit into a segment of that size.
[[nodiscard]] constexpr std::uint64_t stream_capacity(std::uint64_t segment_bytes) noexcept {
  return segment_bytes - kSegmentHeaderBytes -
         (segment_bytes - 1) / kBlockBytes * kBlockHeaderBytes;
}
/// Appends a record to `out` as it is to stand at `offset` of the file, with the headers of the
/// blocks that it begins. Returns where it ends in the file.
std::uint64_t append_framed(std::string& out, std::uint64_t offset, std::string_view record,
                            std::uint32_t salt);

}  // namespace hopscope::exporter
