#include "pipeline/worker/worker_counters.h"

namespace hopscope::pipeline {

void WorkerCounters::read_into(CounterSnapshot& to) const noexcept {
#define HOPSCOPE_READ(name) to.name = name.get();
  HOPSCOPE_WORKER_COUNTERS(HOPSCOPE_READ)
#undef HOPSCOPE_READ
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
