#pragma once
// Work for the disk that nobody waits for: a job is handed over, and found done later. Two kinds:
// io_uring, and a thread for where the kernel does not allow that.

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "export/sinks/spool/directory.h"

namespace hopscope::exporter {

/// Stays where it is while in flight, with all that it points to.
struct DiskJob {
  enum class Kind : std::uint8_t { kOpen, kWrite, kSyncData, kSyncAll, kClose, kUnlink };
  enum class State : std::uint8_t { kIdle, kInFlight, kDone };

  Kind kind = Kind::kClose;
  State state = State::kIdle;
  int fd = -1;               ///< of the directory for kOpen and kUnlink
  int flags = 0;             ///< for kOpen
  FileName name{};           ///< for kOpen and kUnlink
  std::uint64_t offset = 0;  ///< for kWrite, as the rest
  std::array<iovec, 3> parts{};
  unsigned part_count = 0;
  int result = 0;  ///< bytes, a descriptor, or a negative error number

  [[nodiscard]] bool is_idle() const noexcept { return state == State::kIdle; }
  [[nodiscard]] bool is_in_flight() const noexcept { return state == State::kInFlight; }
  /// True once for a job that was done.
  [[nodiscard]] bool take_result() noexcept {
    if (state != State::kDone) return false;
    state = State::kIdle;
    return true;
  }
};

/// All of it is for one thread.
class DiskQueue {
 public:
  /// As many jobs may be in flight at once.
  static constexpr unsigned kMostJobs = 64;

  DiskQueue() = default;
  DiskQueue(const DiskQueue&) = delete;
  DiskQueue& operator=(const DiskQueue&) = delete;
  virtual ~DiskQueue() = default;

  /// Never waits for the disk.
  virtual void submit(DiskJob& job) noexcept = 0;
  /// Sets the state and result of jobs that were done meanwhile. Never waits.
  virtual void poll() noexcept = 0;
  /// Waits until one at least was done, if there is any.
  virtual void wait() noexcept = 0;
  [[nodiscard]] virtual bool is_idle() const noexcept = 0;
};

/// Null where the kernel does not allow io_uring or is too old; then `why` says so.
[[nodiscard]] std::unique_ptr<DiskQueue> open_uring_queue(std::string& why);
[[nodiscard]] std::unique_ptr<DiskQueue> open_thread_queue();

}  // namespace hopscope::exporter
