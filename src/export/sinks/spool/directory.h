#pragma once
// The folder of a spool: made if missing, locked while in use, and the names in it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file_descriptor.h"

namespace hopscope::exporter {

/// Zero-terminated; "00000000000000000042.segment" or "mark".
using FileName = std::array<char, 32>;

/// Segments are named by a number that no record in them is below.
[[nodiscard]] FileName segment_name(std::uint64_t first) noexcept;
inline constexpr FileName kMarkName{'m', 'a', 'r', 'k'};

class SpoolDirectory {
 public:
  /// Throws SetupError where it cannot be made or opened, or another spool uses it.
  explicit SpoolDirectory(std::string path);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Of the segments in it, ascending. Files with other names are left alone.
  [[nodiscard]] std::vector<std::uint64_t> segments() const;

 private:
  std::string path_;
  FileDescriptor fd_;  ///< holds the lock
};

}  // namespace hopscope::exporter
