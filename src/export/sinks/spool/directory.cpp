#include "export/sinks/spool/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/setup_error.h"

namespace hopscope::exporter {
namespace {

constexpr std::string_view kSuffix = ".segment";
constexpr std::size_t kDigits = 20;

void make(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && slash == std::string::npos) {
      throw SetupError(
          fmt::format("cannot make the spool directory {}: {}", path, std::strerror(errno)));
    }
    if (slash == std::string::npos) return;
  }
}

/// A process that was killed keeps its lock until the kernel has ended what it had under way.
bool lock(int directory) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (flock(directory, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, number);
  if (error != std::errc{} || end != name.data() + kDigits) return std::nullopt;
  return number;
}

}  // namespace

FileName segment_name(std::uint64_t first) noexcept {
  FileName name{};
  for (std::size_t i = kDigits; i-- > 0; first /= 10) name[i] = static_cast<char>('0' + first % 10);
  std::copy(kSuffix.begin(), kSuffix.end(), name.begin() + kDigits);
  return name;
}

SpoolDirectory::SpoolDirectory(std::string path) : path_(std::move(path)) {
  if (path_.empty()) throw SetupError("the spool has no directory");
  make(path_);
  fd_.reset(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd_.is_open()) {
    throw SetupError(
        fmt::format("cannot open the spool directory {}: {}", path_, std::strerror(errno)));
  }
  if (!lock(fd_.get())) {
    throw SetupError(
        errno == EWOULDBLOCK
            ? fmt::format("the spool directory {} is in use: give every sink of every running "
                          "hopscope a directory of its own",
                          path_)
            : fmt::format("cannot lock the spool directory {}: {}", path_, std::strerror(errno)));
  }
}

std::vector<std::uint64_t> SpoolDirectory::segments() const {
  // A descriptor of its own: closedir() closes it, and reading moves its position.
  const int own = openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const directory = own < 0 ? nullptr : fdopendir(own);
  if (directory == nullptr) {
    throw SetupError(
        fmt::format("cannot read the spool directory {}: {}", path_, std::strerror(errno)));
  }
  std::vector<std::uint64_t> found;
  while (const dirent* entry = readdir(directory)) {
    if (const auto number = number_of(entry->d_name)) found.push_back(*number);
  }
  closedir(directory);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace hopscope::exporter
