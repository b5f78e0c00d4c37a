#include "export/sinks/spool/record_format.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

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

RecordHeaderBytes encode(const RecordHeader& header, std::uint32_t salt,
                         std::string_view payload) noexcept {
  RecordHeaderBytes bytes{};
  put_little(&bytes[4], header.length);
  put_little(&bytes[8], header.number);
  put_little(&bytes[16], header.time_ns);
  put_little(bytes.data(), crc(crc(salt, {&bytes[4], kRecordHeaderBytes - 4}), payload));
  return bytes;
}

RecordHeader decode_record_header(const char* bytes) noexcept {
  return {.checksum = get_little<std::uint32_t>(bytes),
          .length = get_little<std::uint32_t>(bytes + 4),
          .number = get_little<std::uint64_t>(bytes + 8),
          .time_ns = get_little<std::int64_t>(bytes + 16)};
}

bool is_intact(std::string_view record, std::uint32_t salt) noexcept {
  return get_little<std::uint32_t>(record.data()) == crc(salt, record.substr(4));
}

}  // namespace hopscope::exporter
