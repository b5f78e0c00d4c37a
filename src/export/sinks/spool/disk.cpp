#include "export/sinks/spool/disk.h"

#include <liburing.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace hopscope::exporter {
namespace {

constexpr unsigned kRingEntries = 32;
constexpr std::array kNeeded{IORING_OP_WRITE, IORING_OP_FSYNC};

/// Submits what is prepared and waits until `count` are done; `take(index, result)` gets each.
template <typename Take>
void run(io_uring& ring, unsigned count, const Take& take) noexcept {
  while (count > 0) {
    io_uring_submit_and_wait(&ring, 1);  // after EINTR or ENOMEM once more
    io_uring_cqe* completion = nullptr;
    while (io_uring_peek_cqe(&ring, &completion) == 0) {
      take(static_cast<std::size_t>(completion->user_data), completion->res);
      io_uring_cqe_seen(&ring, completion);
      --count;
    }
  }
}

}  // namespace

Disk::Disk(SpoolEngine engine) {
  std::string why = "as configured";
  if (engine == SpoolEngine::kAuto) {
    why = open_ring();
    if (!why.empty()) why = "io_uring: " + why;
  }
  engine_ = ring_ ? "io_uring" : "thread (" + why + ")";
}

Disk::~Disk() {
  if (ring_) io_uring_queue_exit(ring_.get());
}

std::string Disk::open_ring() {
  auto ring = std::make_unique<io_uring>();
  const int opened = io_uring_queue_init(kRingEntries, ring.get(), 0);
  if (opened < 0) return std::strerror(-opened);
  io_uring_probe* const probe = io_uring_get_probe_ring(ring.get());
  const bool able = probe != nullptr && std::all_of(kNeeded.begin(), kNeeded.end(), [&](auto one) {
                      return io_uring_opcode_supported(probe, one) != 0;
                    });
  io_uring_free_probe(probe);
  if (!able) {
    io_uring_queue_exit(ring.get());
    return "this kernel's io_uring cannot write files";
  }
  ring_ = std::move(ring);
  return "";
}

std::int64_t Disk::write(int fd, std::string_view bytes, std::uint64_t offset) noexcept {
  if (!ring_) {
    const ssize_t done = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return done < 0 ? -errno : done;
  }
  io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
  HOPSCOPE_ASSERT(entry != nullptr);
  io_uring_prep_write(entry, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
  entry->user_data = 0;
  std::int64_t result = 0;
  run(*ring_, 1, [&result](std::size_t, int done) { result = done; });
  return result;
}

std::vector<int> Disk::sync(const std::vector<int>& fds) {
  std::vector<int> results(fds.size());
  if (!ring_) {
    std::transform(fds.begin(), fds.end(), results.begin(),
                   [](int fd) { return fdatasync(fd) < 0 ? -errno : 0; });
    return results;
  }
  for (std::size_t begin = 0; begin < fds.size(); begin += kRingEntries) {
    const std::size_t end = std::min<std::size_t>(fds.size(), begin + kRingEntries);
    for (std::size_t i = begin; i < end; ++i) {
      io_uring_sqe* const entry = io_uring_get_sqe(ring_.get());
      HOPSCOPE_ASSERT(entry != nullptr);
      io_uring_prep_fsync(entry, fds[i], IORING_FSYNC_DATASYNC);
      entry->user_data = i;
    }
    run(*ring_, static_cast<unsigned>(end - begin),
        [&results](std::size_t i, int done) { results[i] = done; });
  }
  return results;
}

}  // namespace hopscope::exporter
