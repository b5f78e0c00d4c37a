#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

void WorkerCounters::read_into(CounterSnapshot& to) const noexcept {
  to.frames = frames.get();
  to.bytes = bytes.get();
  to.decoded = decoded.get();
  to.reports = reports.get();
  to.hops = hops.get();
  to.batches = batches.get();
  to.busy_ns = busy_ns.get();
  to.idle_ns = idle_ns.get();
  to.busy_ppm = busy_ppm.get();
  to.regular_reports = regular_reports.get();
  to.format_records = format_records.get();
  to.ipv4_checksum_wrong = ipv4_checksum_wrong.get();
  to.udp_checksum_wrong = udp_checksum_wrong.get();
  to.handoff_dropped = handoff_dropped.get();
  to.changes_dropped = changes_dropped.get();
  for (std::size_t i = 0; i < kDecodeErrorCount; ++i) {
    to.dropped[i] = dropped[i].get();
    to.errors[i] = errors[i].get();
  }
  for (std::size_t version = 0; version < reports_by.size(); ++version) {
    for (std::size_t kind = 0; kind < kCountOf<ReportKind>; ++kind) {
      to.reports_by[version][kind] = reports_by[version][kind].get();
    }
  }
}

}  // namespace hopscope::pipeline
