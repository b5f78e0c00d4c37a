#include "export/sinks/spool/mark_writer.h"

#include <fcntl.h>

namespace hopscope::exporter {

MarkWriter::~MarkWriter() {
  if (job_.take_result() && job_.kind == DiskJob::Kind::kOpen && job_.result >= 0) {
    file_.reset(job_.result);
  }
}

void MarkWriter::submit_open() noexcept {
  job_.kind = DiskJob::Kind::kOpen;
  job_.fd = directory_.fd();
  job_.flags = O_WRONLY | O_CREAT | O_CLOEXEC;
  job_.name = kMarkName;
  queue_.submit(job_);
}

void MarkWriter::submit_write() noexcept {
  bytes_ = encode(writing_);
  job_.kind = DiskJob::Kind::kWrite;
  job_.fd = file_.get();
  job_.offset = slot_ * kMarkSlotBytes;
  job_.parts[0] = {.iov_base = bytes_.data(), .iov_len = bytes_.size()};
  job_.part_count = 1;
  slot_ = (slot_ + 1) % kMarkSlots;
  queue_.submit(job_);
}

void MarkWriter::submit_sync() noexcept {
  job_.kind = DiskJob::Kind::kSyncData;
  job_.fd = file_.get();
  queue_.submit(job_);
}

bool MarkWriter::step(const Mark& wanted, bool due, bool again, bool tells_end) noexcept {
  if (job_.take_result()) {
    const bool is_short =
        job_.kind == DiskJob::Kind::kWrite && job_.result != static_cast<int>(bytes_.size());
    if (job_.result < 0 || is_short) {
      meters_.write_errors.add(1);
      failed_ = true;
      passed_ = writing_.below;
      return true;
    }
    switch (job_.kind) {
      case DiskJob::Kind::kOpen:
        file_.reset(job_.result);
        submit_write();
        return false;
      case DiskJob::Kind::kWrite:
        submit_sync();
        return false;
      default:
        meters_.syncs.add(1);
        failed_ = false;
        stored_ = writing_;
        passed_ = writing_.below;
        return true;
    }
  }
  const bool is_told = wanted.below == stored_.below && (!tells_end || wanted.end == stored_.end);
  if (!due || !job_.is_idle() || is_told) return false;
  if (failed_ && !again) return false;
  writing_ = wanted;
  if (file_.is_open()) {
    submit_write();
  } else {
    submit_open();
  }
  return false;
}

}  // namespace hopscope::exporter
