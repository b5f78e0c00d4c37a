#pragma once
// What a worker does with frames that leave the fast path. To be inlined into what is
// compiled_for() an instruction set.

#include "pipeline/worker/worker.h"

namespace hopscope::pipeline {

inline void Worker::finish_taken(const FastPath::Item& item) noexcept {
  if (item.is_borrowed) [[unlikely]] {
    return_loan(static_cast<std::uint32_t>(item.handle));
    // The lender counts the report.
    counters_.regular_reports.add(1);
    return;
  }
  put_back(item.handle);
  if (same_.shape != item.shape) count_same();
  same_.shape = item.shape;
  ++same_.count;
}

struct Worker::FastPathExit {
  Worker& worker;

  void on_sequence(const FastPath::Item& item) const noexcept {
    worker.note_sequence(sequence_of(item));
  }
  void on_exit(const FastPath::Item& item, Fate fate) const noexcept {
    switch (fate) {
      case Fate::kTaken:
        worker.finish_taken(item);
        break;
      case Fate::kChecked:
        worker.process_item(item);
        break;
      case Fate::kForeign:
        worker.lend_item(item);
        break;
    }
  }
};

}  // namespace hopscope::pipeline
