#pragma once
// What one worker counts. Written by the worker, read by the exporter.

#include <array>

#include "base/single_writer.h"
#include "pipeline/report/decode_error.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::pipeline {

struct alignas(kNoShare) WorkerCounters {
  Counter frames, bytes, decoded, reports, hops, batches, busy_ns, idle_ns, busy_ppm;
  Counter format_records, regular_reports;
  Counter ipv4_checksum_wrong, udp_checksum_wrong;
  Counter handoff_dropped, changes_dropped;
  std::array<Counter, kDecodeErrorCount> dropped, errors;
  std::array<std::array<Counter, kCountOf<ReportKind>>, kVersionLabels.size()> reports_by;

  void read_into(CounterSnapshot& to) const noexcept;
};

}  // namespace hopscope::pipeline
