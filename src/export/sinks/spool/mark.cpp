#include "export/sinks/spool/mark.h"

#include <fcntl.h>
#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/little_endian.h"
#include "export/sinks/spool/directory.h"

namespace hopscope::exporter {
namespace {

constexpr std::string_view kMagic = "hopsmark";

std::uint32_t checksum(const MarkBytes& bytes) noexcept {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), 28));
}

}  // namespace

MarkBytes encode(const Mark& mark) noexcept {
  MarkBytes bytes{};
  std::copy(kMagic.begin(), kMagic.end(), bytes.begin());
  put_little(&bytes[8], mark.below);
  put_little(&bytes[16], mark.end);
  put_little(&bytes[28], checksum(bytes));
  return bytes;
}

Mark read_mark(int directory) {
  Mark newest;
  const FileDescriptor file(openat(directory, kMarkName.data(), O_RDONLY | O_CLOEXEC));
  for (std::size_t slot = 0; slot < kMarkSlots && file.is_open(); ++slot) {
    MarkBytes bytes{};
    const auto offset = static_cast<off_t>(slot * kMarkSlotBytes);
    if (pread(file.get(), bytes.data(), bytes.size(), offset) !=
        static_cast<ssize_t>(bytes.size())) {
      continue;
    }
    if (std::string_view(bytes.data(), kMagic.size()) != kMagic) continue;
    if (get_little<std::uint32_t>(&bytes[28]) != checksum(bytes)) continue;
    // Both only ever grow.
    newest.below = std::max(newest.below, get_little<std::uint64_t>(&bytes[8]));
    newest.end = std::max(newest.end, get_little<std::uint64_t>(&bytes[16]));
  }
  return newest;
}

}  // namespace hopscope::exporter
