#include "export/sinks/spool/recovery.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/setup_error.h"
#include "export/sinks/spool/record_format.h"
#include "export/sinks/spool/record_scanner.h"

namespace hopscope::exporter {
namespace {

using Found = RecordScanner::Found;

/// The rest of a segment that is not used.
enum class Rest : std::uint8_t { kNone, kTorn, kCorrupt };

/// `unreadable` is set where the disk would not give it.
std::optional<SegmentHeader> read_header(int file, bool& unreadable) {
  SegmentHeaderBytes bytes{};
  const ssize_t got = pread(file, bytes.data(), bytes.size(), 0);
  unreadable = got < 0;
  if (got != static_cast<ssize_t>(bytes.size())) return std::nullopt;
  return decode_segment_header(bytes);
}

class Recovery {
 public:
  Recovery(const SpoolDirectory& directory, const std::string& content, SpoolMeters& meters)
      : directory_(directory), content_(content.substr(0, kContentBytes)), meters_(meters) {
    result_.mark = read_mark(directory.fd());
    result_.end = std::max(result_.mark.end, result_.mark.below);
  }

  [[nodiscard]] Recovered run() {
    const std::vector<std::uint64_t> names = directory_.segments();
    std::vector<Looked> all;
    for (const std::uint64_t name : names) all.push_back(look(name, name == names.back()));
    // Only now, when nothing speaks against it, is anything on the disk changed.
    for (const Looked& looked : all) keep(looked);
    if (removed_) (void)!fsync(directory_.fd());
    meters_.recovered_records.set(result_.numbers.size());
    result_.begin = std::min(damaged_from_, result_.end);
    if (!result_.numbers.empty()) {
      result_.begin = std::min(result_.begin, result_.numbers.first());
    }
    return std::move(result_);
  }

 private:
  /// What there is to be said of a segment.
  struct Looked {
    Segment segment;
    Rest rest = Rest::kNone;
    bool unreadable = false;
  };

  [[nodiscard]] FileDescriptor open(std::uint64_t name, int flags) const {
    return FileDescriptor(openat(directory_.fd(), segment_name(name).data(), flags | O_CLOEXEC));
  }

  [[nodiscard]] Looked look(std::uint64_t name, bool is_newest) {
    const FileDescriptor file = open(name, O_RDONLY);
    struct stat state {};
    if (!file.is_open() || fstat(file.get(), &state) != 0) {
      throw SetupError(fmt::format("cannot open {}/{}: {}", directory_.path(),
                                   segment_name(name).data(), std::strerror(errno)));
    }
    const auto size = static_cast<std::uint64_t>(state.st_size);
    Looked looked{.segment = {.name = name}};
    if (const auto header = read_header(file.get(), looked.unreadable)) {
      check_version(name, header->version);
      looked.segment.salt = header->salt;
      scan(file.get(), size, is_newest, looked);
      check_content(header->content, looked.segment);
    } else {
      // Header and first record are written at once: where it is torn there was none.
      const bool is_torn = !looked.unreadable && (is_newest || size < kSegmentHeaderBytes);
      looked.rest = is_torn ? Rest::kTorn : Rest::kCorrupt;
    }
    // A segment begins with a record. That of the newest may have been torn before it was there,
    // unless the mark knows of it.
    const bool had_records = !is_newest || name < result_.mark.end || looked.rest == Rest::kCorrupt;
    if (looked.segment.bytes == 0 && had_records) damaged(name);
    const std::uint64_t unused = size - looked.segment.bytes;
    if (looked.rest == Rest::kTorn) meters_.torn_bytes.add(unused);
    if (looked.rest == Rest::kCorrupt) meters_.corrupt_bytes.add(unused);
    return looked;
  }

  void keep(const Looked& looked) {
    const Segment& segment = looked.segment;
    if (looked.unreadable) {
      meters_.read_errors.add(1);
      // The file stays, and no new one gets its name.
      result_.end = std::max(result_.end, segment.name + 1);
      if (segment.bytes == 0) return;
    }
    if (segment.last < result_.mark.below || segment.bytes == 0) {
      if (unlinkat(directory_.fd(), segment_name(segment.name).data(), 0) == 0) removed_ = true;
      return;
    }
    if (looked.rest == Rest::kTorn) {
      // Not on a disk that is read-only.
      const FileDescriptor file = open(segment.name, O_RDWR);
      if (file.is_open() && ftruncate(file.get(), static_cast<off_t>(segment.bytes)) == 0) {
        (void)!fdatasync(file.get());
      }
    }
    result_.segments.push_back(segment);
  }

  /// Reads its records, and passes over damage that has whole ones behind it.
  void scan(int file, std::uint64_t size, bool is_newest, Looked& looked) {
    Segment& segment = looked.segment;
    RecordScanner scanner(file, segment.salt, size);
    Found found = scanner.look(least_);
    while (true) {
      if (found == Found::kRecord) {
        take(scanner.header(), segment);
        meters_.corrupt_bytes.add(scanner.damaged_block_headers() * kBlockHeaderBytes);
        scanner.pass();
        segment.bytes = scanner.offset();
        found = scanner.look(least_);
        continue;
      }
      if (found == Found::kEnd) break;
      const std::uint64_t from = scanner.offset();
      if (scanner.skip_damage(least_) != Found::kRecord) break;
      meters_.corrupt_bytes.add(scanner.offset() - from);
      if (segment.bytes == 0) damaged(segment.name);
      found = Found::kRecord;
    }
    result_.end = std::max(result_.end, least_);
    looked.unreadable = scanner.take_error() != 0;
    if (found == Found::kEnd) return;
    const bool is_torn = !looked.unreadable && (is_newest || found == Found::kCut);
    looked.rest = is_torn ? Rest::kTorn : Rest::kCorrupt;
  }

  void take(const RecordHeader& record, Segment& segment) {
    if (segment.bytes == 0) {
      segment.first = record.number;
      segment.oldest_ns = segment.newest_ns = record.time_ns;
    }
    segment.last = record.number;
    segment.oldest_ns = std::min(segment.oldest_ns, record.time_ns);
    segment.newest_ns = std::max(segment.newest_ns, record.time_ns);
    if (record.number >= result_.mark.below) result_.numbers.add(record.number);
    least_ = record.number + 1;
  }

  /// The first record of a segment, the one that gave it its name, is damaged.
  void damaged(std::uint64_t name) {
    damaged_from_ = std::min(damaged_from_, std::max(name, result_.mark.below));
    result_.end = std::max(result_.end, name + 1);
  }

  void check_version(std::uint64_t name, std::uint32_t version) const {
    if (version == kSegmentVersion) return;
    throw SetupError(
        fmt::format("{}/{} was written by another version of hopscope (format {}, this is {}): "
                    "deliver it with that one or move it away",
                    directory_.path(), segment_name(name).data(), version, kSegmentVersion));
  }

  void check_content(const std::string& content, const Segment& segment) const {
    const bool is_needed = segment.bytes > 0 && segment.last >= result_.mark.below;
    if (!is_needed || content == content_) return;
    throw WrongSettingsError(
        fmt::format("{}/{} holds records for {}, this sink makes such for {}: deliver them with "
                    "the settings that they were made with, or give the sink another directory",
                    directory_.path(), segment_name(segment.name).data(), content, content_));
  }

  const SpoolDirectory& directory_;
  const std::string content_;
  SpoolMeters& meters_;
  Recovered result_;
  std::uint64_t least_ = 0;                  ///< above all numbers so far
  std::uint64_t damaged_from_ = UINT64_MAX;  ///< the lowest number that damage took for sure
  bool removed_ = false;
};

}  // namespace

Recovered recover(const SpoolDirectory& directory, const std::string& content,
                  SpoolMeters& meters) {
  return Recovery(directory, content, meters).run();
}

}  // namespace hopscope::exporter
