#pragma once
// What one worker counts. Written by the worker, read by the exporter. A single number is added in
// tables/counter_list.h, and its metric in export/metrics.

#include <array>

#include "base/single_writer.h"
#include "pipeline/report/decode_error.h"
#include "pipeline/tables/counter_list.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::pipeline {

struct alignas(kNoShare) WorkerCounters {
#define HOPSCOPE_COUNTER(name) Counter name;
  HOPSCOPE_WORKER_COUNTERS(HOPSCOPE_COUNTER)
#undef HOPSCOPE_COUNTER
  std::array<Counter, kDecodeErrorCount> dropped, errors;
  std::array<std::array<Counter, kCountOf<ReportKind>>, kVersionLabels.size()> reports_by;

  void read_into(CounterSnapshot& to) const noexcept;
};

}  // namespace hopscope::pipeline
