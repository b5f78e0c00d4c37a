#include "export/sinks/file/file_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/setup_error.h"
#include "export/sinks/file/event_json.h"

namespace hopscope::exporter {
namespace {

bool is_regular(int fd) noexcept {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

FileSink::FileSink(std::string path, const Names& names) : path_(std::move(path)), names_(names) {
  if (!open_file()) {
    throw SetupError(
        fmt::format("cannot open the event file {}: {}", path_,
                    errno == ENXIO ? "a FIFO that nobody reads" : std::strerror(errno)));
  }
}

FileSink::~FileSink() {
  if (fd_ > STDERR_FILENO) close(fd_);
}

bool FileSink::open_file() noexcept {
  if (path_ == "-") {
    fd_ = STDOUT_FILENO;
    is_file_ = is_regular(fd_);
    return true;
  }
  // Without waiting: a FIFO may have no reader, and then it is an error.
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0) return false;
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  is_file_ = is_regular(fd_);
  broken_line_ = false;
  return true;
}

std::string FileSink::reopen() {
  if (open_file()) return "";
  return fmt::format("cannot open the event file {} anew: {}; the old one goes on", path_,
                     std::strerror(errno));
}

void FileSink::encode(const Item& item, std::int64_t /*now_ns*/, std::string& record) {
  const auto* event = std::get_if<const pipeline::Event*>(&item);
  if (event == nullptr) return;
  append_event_json(record, **event, names_);
  record += '\n';
}

/// Room for a piece. Waits for the reader, but not once it is to hurry.
bool FileSink::wait_for_room() noexcept {
  constexpr int kWaitMs = 100;
  pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
  while (poll(&room, 1, kWaitMs) == 0) {
    if (hurry_.load(std::memory_order_relaxed)) return false;
  }
  return true;
}

std::size_t FileSink::write_some(std::string_view text) noexcept {
  std::size_t done = 0;
  errno = 0;
  while (done < text.size()) {
    if (!is_file_ && (!wait_for_room() || (done > 0 && hurry_.load()))) break;
    // A pipe that has room at all has room for this much.
    const std::size_t piece =
        is_file_ ? text.size() - done : std::min<std::size_t>(PIPE_BUF, text.size() - done);
    const ssize_t n = ::write(fd_, text.data() + done, piece);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Outcome FileSink::deliver(std::span<const Record> batch) {
  buffer_.clear();
  for (const Record& record : batch) buffer_ += record.bytes;
  // What an earlier failure left of a line is ended first, so that only that line is bad.
  if (broken_line_ && write_some("\n") == 1) broken_line_ = false;
  const std::size_t done = broken_line_ ? 0 : write_some(buffer_);
  Outcome outcome;
  if (done == buffer_.size()) return outcome;
  broken_line_ = broken_line_ || (done > 0 && buffer_[done - 1] != '\n');
  outcome.detail = fmt::format("{}: {}", path_ == "-" ? "standard output" : path_,
                               errno != 0 ? std::strerror(errno) : "its reader is too slow");
  // Nobody will ever read what is written to a pipe without a reader.
  outcome.result = errno == EPIPE ? Outcome::Result::kRefused : Outcome::Result::kTryAgain;
  std::size_t bytes = 0;
  while (bytes + batch[outcome.taken].bytes.size() <= done) {
    bytes += batch[outcome.taken++].bytes.size();
  }
  return outcome;
}

}  // namespace hopscope::exporter
