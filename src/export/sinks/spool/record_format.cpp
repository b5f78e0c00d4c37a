#include "export/sinks/spool/record_format.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/little_endian.h"

namespace hopscope::exporter {
namespace {

constexpr std::string_view kMagic = "hopspool";

std::uint32_t crc(std::uint32_t start, std::string_view data) noexcept {
  return static_cast<std::uint32_t>(
      crc32_z(start, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

// The first half is that of every version.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kSaltAt = 12;
constexpr std::size_t kFirstAt = 16;
constexpr std::size_t kChecksumAt = 28;
constexpr std::size_t kContentAt = 32;
constexpr std::size_t kContentChecksumAt = kContentAt + kContentBytes;

// So that neither zeros nor any other byte repeated is a length.
constexpr std::uint32_t kSecondMask = 0xFFFFFFFF;
constexpr std::uint32_t kThirdMask = 0x3A5C9617;
/// Records' bytes in a block.
constexpr std::uint64_t kBlockData = kBlockBytes - kBlockHeaderBytes;

std::uint32_t content_checksum(const SegmentHeaderBytes& bytes) noexcept {
  return crc(0, {&bytes[kContentAt], kContentBytes});
}

}  // namespace

SegmentHeaderBytes encode(const SegmentHeader& header) noexcept {
  SegmentHeaderBytes bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  put_little(&bytes[kVersionAt], header.version);
  put_little(&bytes[kSaltAt], header.salt);
  put_little(&bytes[kFirstAt], header.first);
  put_little(&bytes[kChecksumAt], crc(0, {bytes.data(), kChecksumAt}));
  header.content.copy(&bytes[kContentAt], kContentBytes);
  put_little(&bytes[kContentChecksumAt], content_checksum(bytes));
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(const SegmentHeaderBytes& bytes) {
  if (std::string_view(bytes.data(), kMagic.size()) != kMagic) return std::nullopt;
  if (get_little<std::uint32_t>(&bytes[kChecksumAt]) != crc(0, {bytes.data(), kChecksumAt})) {
    return std::nullopt;
  }
  SegmentHeader header{.version = get_little<std::uint32_t>(&bytes[kVersionAt]),
                       .salt = get_little<std::uint32_t>(&bytes[kSaltAt]),
                       .first = get_little<std::uint64_t>(&bytes[kFirstAt])};
  if (header.version != kSegmentVersion) return header;
  if (get_little<std::uint32_t>(&bytes[kContentChecksumAt]) != content_checksum(bytes)) {
    return std::nullopt;
  }
  const std::string_view content(&bytes[kContentAt], kContentBytes);
  header.content = content.substr(0, content.find('\0'));
  return header;
}

BlockHeaderBytes encode_block_header(std::uint64_t block, std::size_t first_record,
                                     std::uint32_t salt) noexcept {
  BlockHeaderBytes bytes{};
  put_little(&bytes[4], static_cast<std::uint32_t>(block));
  put_little(&bytes[8], static_cast<std::uint32_t>(first_record));
  put_little(bytes.data(), crc(salt, {&bytes[4], kBlockHeaderBytes - 4}));
  return bytes;
}

std::optional<std::size_t> decode_block_header(const BlockHeaderBytes& bytes, std::uint64_t block,
                                               std::uint32_t salt) noexcept {
  const std::size_t first = get_little<std::uint32_t>(&bytes[8]);
  const bool intact = first < kBlockBytes && bytes == encode_block_header(block, first, salt);
  return intact ? std::optional(first) : std::nullopt;
}

RecordHeaderBytes encode(const RecordHeader& header) noexcept {
  RecordHeaderBytes bytes{};
  put_little(&bytes[4], header.length);
  put_little(&bytes[8], header.number);
  put_little(&bytes[16], header.time_ns);
  put_little(&bytes[24], header.length ^ kSecondMask);
  put_little(&bytes[28], header.length ^ kThirdMask);
  return bytes;
}

RecordHeader decode_record_header(const char* bytes) noexcept {
  const auto first = get_little<std::uint32_t>(bytes + 4);
  const auto second = get_little<std::uint32_t>(bytes + 24) ^ kSecondMask;
  const auto third = get_little<std::uint32_t>(bytes + 28) ^ kThirdMask;
  return {.checksum = get_little<std::uint32_t>(bytes),
          .length = first == second || first == third ? first : second,
          .number = get_little<std::uint64_t>(bytes + 8),
          .time_ns = get_little<std::int64_t>(bytes + 16),
          .has_length = first == second || first == third || second == third};
}

void seal(std::string& record, std::uint32_t salt) noexcept {
  HOPSCOPE_ASSERT(record.size() >= kRecordHeaderBytes);
  put_little(record.data(), crc(salt, std::string_view(record).substr(4)));
}

bool is_intact(std::string_view record, std::uint32_t salt) noexcept {
  HOPSCOPE_ASSERT(record.size() >= kRecordHeaderBytes);
  return get_little<std::uint32_t>(record.data()) == crc(salt, record.substr(4));
}

std::uint64_t stream_end(std::uint64_t offset, std::uint64_t size) noexcept {
  offset = skip_block_header(offset);
  const std::uint64_t room = kBlockBytes - offset % kBlockBytes;
  if (size <= room) return offset + size;
  const std::uint64_t behind = size - room;
  const std::uint64_t blocks = (behind - 1) / kBlockData;  // whole ones before the last
  return offset + room + blocks * kBlockBytes + kBlockHeaderBytes + (behind - blocks * kBlockData);
}

std::uint64_t append_framed(std::string& out, std::uint64_t offset, std::string_view record,
                            std::uint32_t salt) {
  HOPSCOPE_ASSERT(offset >= kSegmentHeaderBytes);
  const std::uint64_t end = stream_end(offset, record.size());
  bool begins = true;
  while (!record.empty()) {
    if (offset % kBlockBytes == 0) {
      const bool next_begins_here = end < offset + kBlockBytes;
      const std::size_t first = begins             ? kBlockHeaderBytes
                                : next_begins_here ? static_cast<std::size_t>(end - offset)
                                                   : 0;
      const BlockHeaderBytes header = encode_block_header(offset / kBlockBytes, first, salt);
      out.append(header.data(), header.size());
      offset += header.size();
    }
    begins = false;
    const auto room = static_cast<std::size_t>(kBlockBytes - offset % kBlockBytes);
    const std::string_view part = record.substr(0, room);
    out.append(part);
    record.remove_prefix(part.size());
    offset += part.size();
  }
  HOPSCOPE_ASSERT(offset == end);
  return end;
}

}  // namespace hopscope::exporter
