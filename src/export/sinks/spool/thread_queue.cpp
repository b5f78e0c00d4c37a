// Disk jobs by a thread, one after the other, for where io_uring is not allowed.

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

#include "export/sinks/spool/disk_queue.h"

namespace hopscope::exporter {
namespace {

int run(const DiskJob& job) noexcept {
  const auto checked = [](auto result) { return result < 0 ? -errno : static_cast<int>(result); };
  switch (job.kind) {
    case DiskJob::Kind::kOpen:
      return checked(openat(job.fd, job.name.data(), job.flags, 0600));
    case DiskJob::Kind::kWrite:
      return checked(pwritev(job.fd, job.parts.data(), static_cast<int>(job.part_count),
                             static_cast<off_t>(job.offset)));
    case DiskJob::Kind::kSyncData:
      return checked(fdatasync(job.fd));
    case DiskJob::Kind::kSyncAll:
      return checked(fsync(job.fd));
    case DiskJob::Kind::kClose:
      return checked(close(job.fd));
    case DiskJob::Kind::kUnlink:
      return checked(unlinkat(job.fd, job.name.data(), 0));
  }
  return -EINVAL;
}

/// Of a fixed size: jobs in flight are few.
class JobList {
 public:
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  void push(DiskJob* job) noexcept { jobs_[(first_ + count_++) % jobs_.size()] = job; }
  DiskJob* pop() noexcept {
    DiskJob* const job = jobs_[first_];
    first_ = (first_ + 1) % jobs_.size();
    --count_;
    return job;
  }

 private:
  std::array<DiskJob*, DiskQueue::kMostJobs> jobs_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

class ThreadQueue final : public DiskQueue {
 public:
  ThreadQueue() : thread_([this] { work(); }) {
    pthread_setname_np(thread_.native_handle(), "spool");
  }
  ~ThreadQueue() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    to_do_changed_.notify_one();
    thread_.join();
  }

  void submit(DiskJob& job) noexcept override {
    if (in_flight_ == kMostJobs) {
      job.result = -EBUSY;
      job.state = DiskJob::State::kDone;
      return;
    }
    job.state = DiskJob::State::kInFlight;
    ++in_flight_;
    {
      const std::lock_guard lock(mutex_);
      to_do_.push(&job);
    }
    to_do_changed_.notify_one();
  }

  void poll() noexcept override {
    if (in_flight_ == 0) return;
    const std::lock_guard lock(mutex_);
    reap();
  }

  void wait() noexcept override {
    if (in_flight_ == 0) return;
    std::unique_lock lock(mutex_);
    done_changed_.wait(lock, [this] { return !done_.empty(); });
    reap();
  }

  [[nodiscard]] bool is_idle() const noexcept override { return in_flight_ == 0; }

 private:
  void reap() noexcept {
    while (!done_.empty()) {
      done_.pop()->state = DiskJob::State::kDone;
      --in_flight_;
    }
  }

  void work() noexcept {
    std::unique_lock lock(mutex_);
    while (true) {
      to_do_changed_.wait(lock, [this] { return stop_ || !to_do_.empty(); });
      if (to_do_.empty()) return;
      DiskJob* const job = to_do_.pop();
      lock.unlock();
      const int result = run(*job);
      lock.lock();
      job->result = result;
      done_.push(job);
      done_changed_.notify_one();
    }
  }

  unsigned in_flight_ = 0;  // of the caller alone
  std::mutex mutex_;
  std::condition_variable to_do_changed_;
  std::condition_variable done_changed_;
  JobList to_do_;
  JobList done_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace

std::unique_ptr<DiskQueue> open_thread_queue() {
  return std::make_unique<ThreadQueue>();
}

}  // namespace hopscope::exporter
