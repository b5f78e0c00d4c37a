#include "export/spool/record_format.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "export/spool/little_endian.h"

namespace hopscope::exporter {
namespace {

constexpr std::string_view kMagic = "hopspool";

std::uint32_t crc(std::uint32_t start, std::string_view data) noexcept {
  return static_cast<std::uint32_t>(
      crc32_z(start, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

}  // namespace

SegmentHeaderBytes encode(const SegmentHeader& header) noexcept {
  SegmentHeaderBytes bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  put_little(&bytes[8], header.version);
  put_little(&bytes[12], header.salt);
  put_little(&bytes[16], header.first);
  put_little(&bytes[28], crc(0, {bytes.data(), 28}));
  return bytes;
}

std::optional<SegmentHeader> decode_segment_header(const SegmentHeaderBytes& bytes) {
  if (std::string_view(bytes.data(), kMagic.size()) != kMagic) return std::nullopt;
  if (get_little<std::uint32_t>(&bytes[28]) != crc(0, {bytes.data(), 28})) return std::nullopt;
  return SegmentHeader{.version = get_little<std::uint32_t>(&bytes[8]),
                       .salt = get_little<std::uint32_t>(&bytes[12]),
                       .first = get_little<std::uint64_t>(&bytes[16])};
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
