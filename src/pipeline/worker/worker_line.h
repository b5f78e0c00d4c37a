#pragma once
// The frames that wait in the line of the fast path: how they get in, and what becomes of the one
// at its head. To be inlined into what is compiled_for() an instruction set.

#include "pipeline/simd/compiled_for.h"
#include "pipeline/worker/worker.h"

namespace hopscope::pipeline {

template <InstructionSet kSet>
bool Worker::put_in_line(const Frame& frame, bool is_borrowed) noexcept {
  const ReportShape* shape = fast_.shape_of<kSet>(frame.bytes, is_borrowed);
  if (shape == nullptr) return false;
  FastPath::Item& item = fast_.read(frame.bytes, *shape);
  const bool is_foreign = owner_of(item.hash) != index_;
  if (is_foreign && is_borrowed) return false;
  if (second_.now_ns != frame.time.now_ns) [[unlikely]] {
    second_ = {.now_ns = frame.time.now_ns, .now_s = seconds_of(frame.time.now_ns)};
  }
  item.time = frame.time;
  item.now_s = second_.now_s;
  item.handle = frame.handle;
  item.is_foreign = is_foreign;
  item.is_borrowed = is_borrowed;
  if (fast_.keep()) [[likely]]
    take_head<kSet>();
  return true;
}

template <InstructionSet kSet>
bool Worker::take_regular(const FastPath::Item& item) noexcept {
  if (!fast_.is_regular<kSet>(item)) return false;
  if (!item.is_borrowed) [[likely]] {
    // Those that spoke lately and are known here are this worker's.
    const bool is_next = tables_.observe_next_sequence(
        sender_in(*item.shape, item.frame), sequence_in(*item.shape, item.frame), item.now_s);
    if (!is_next) [[unlikely]]
      note_sequence(sequence_of(item));
  }
  fast_.take<kSet>(item);
  if (item.is_borrowed) [[unlikely]] {
    return_loan(static_cast<std::uint32_t>(item.handle));
    // The lender counts the report.
    counters_.regular_reports.add(1);
  } else {
    put_back(item.handle);
    if (same_.shape != item.shape) count_same();
    same_.shape = item.shape;
    ++same_.count;
  }
  return true;
}

template <InstructionSet kSet>
void Worker::take_head() noexcept {
  const FastPath::Item& item = fast_.head();
  if (item.is_foreign) [[unlikely]] {
    lend_item(item);
  } else if (!take_regular<kSet>(item)) [[unlikely]] {
    process_item(item);
    fast_.look_again();
  }
  fast_.leave();
}

}  // namespace hopscope::pipeline
