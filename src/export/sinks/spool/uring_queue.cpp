// Disk jobs by io_uring. Each is marked to be done by the kernel's worker threads from the start,
// so that submitting copies nothing and waits for no lock of the file system.

#include <liburing.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "export/sinks/spool/disk_queue.h"

namespace hopscope::exporter {
namespace {

constexpr std::array kNeeded{IORING_OP_OPENAT, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_CLOSE,
                             IORING_OP_UNLINKAT};

class UringQueue final : public DiskQueue {
 public:
  ~UringQueue() override {
    if (!open_) return;
    // The kernel must let go of the buffers before they are freed.
    while (in_flight_ > 0) wait();
    io_uring_queue_exit(&ring_);
  }

  [[nodiscard]] std::string set_up() {
    const int opened = io_uring_queue_init(kMostJobs, &ring_, 0);
    if (opened < 0) return std::strerror(-opened);
    open_ = true;
    io_uring_probe* const probe = io_uring_get_probe_ring(&ring_);
    bool able = probe != nullptr;
    for (const auto operation : kNeeded) {
      able = able && io_uring_opcode_supported(probe, operation) != 0;
    }
    io_uring_free_probe(probe);
    return able ? "" : "this kernel's io_uring cannot open or remove files";
  }

  void submit(DiskJob& job) noexcept override {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    if (entry == nullptr) {  // more than kMostJobs
      job.result = -EBUSY;
      job.state = DiskJob::State::kDone;
      return;
    }
    prepare(*entry, job);
    entry->flags |= IOSQE_ASYNC;
    io_uring_sqe_set_data(entry, &job);
    job.state = DiskJob::State::kInFlight;
    ++in_flight_;
    io_uring_submit(&ring_);
  }

  void poll() noexcept override {
    if (in_flight_ == 0) return;
    // What the kernel had no memory for.
    if (io_uring_sq_ready(&ring_) > 0) io_uring_submit(&ring_);
    io_uring_cqe* completion = nullptr;
    while (io_uring_peek_cqe(&ring_, &completion) == 0) {
      auto* const job = static_cast<DiskJob*>(io_uring_cqe_get_data(completion));
      job->result = completion->res;
      job->state = DiskJob::State::kDone;
      --in_flight_;
      io_uring_cqe_seen(&ring_, completion);
    }
  }

  void wait() noexcept override {
    if (in_flight_ == 0) return;
    io_uring_submit_and_wait(&ring_, 1);
    poll();
  }

  [[nodiscard]] bool is_idle() const noexcept override { return in_flight_ == 0; }

 private:
  static void prepare(io_uring_sqe& entry, const DiskJob& job) noexcept {
    switch (job.kind) {
      case DiskJob::Kind::kOpen:
        return io_uring_prep_openat(&entry, job.fd, job.name.data(), job.flags, 0600);
      case DiskJob::Kind::kWrite:
        return io_uring_prep_writev(&entry, job.fd, job.parts.data(), job.part_count, job.offset);
      case DiskJob::Kind::kSyncData:
        return io_uring_prep_fsync(&entry, job.fd, IORING_FSYNC_DATASYNC);
      case DiskJob::Kind::kSyncAll:
        return io_uring_prep_fsync(&entry, job.fd, 0);
      case DiskJob::Kind::kClose:
        return io_uring_prep_close(&entry, job.fd);
      case DiskJob::Kind::kUnlink:
        return io_uring_prep_unlinkat(&entry, job.fd, job.name.data(), 0);
    }
  }

  io_uring ring_{};
  bool open_ = false;
  unsigned in_flight_ = 0;
};

}  // namespace

std::unique_ptr<DiskQueue> open_uring_queue(std::string& why) {
  auto queue = std::make_unique<UringQueue>();
  why = queue->set_up();
  if (!why.empty()) return nullptr;
  return queue;
}

}  // namespace hopscope::exporter
