#include "pipeline/tables/snapshot.h"

namespace hopscope::pipeline {

void add(CounterSnapshot& a, const CounterSnapshot& b) noexcept {
#define HOPSCOPE_ADD(name) a.name += b.name;
  HOPSCOPE_WORKER_COUNTERS(HOPSCOPE_ADD)
#undef HOPSCOPE_ADD
  a.events_dropped += b.events_dropped;
  const auto add_all = [](auto& to, const auto& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add_all(a.dropped, b.dropped);
  add_all(a.errors, b.errors);
  for (std::size_t v = 0; v < a.reports_by.size(); ++v) add_all(a.reports_by[v], b.reports_by[v]);
  add_all(a.events, b.events);
  add_all(a.capacity, b.capacity);
  add_all(a.entries, b.entries);
  add_all(a.refused, b.refused);
  add_all(a.evicted, b.evicted);
  add_all(a.expired, b.expired);
}

CounterSnapshot TableView::total() const {
  CounterSnapshot sum;
  for (std::size_t worker = 0; worker < worker_count(); ++worker) add(sum, counters(worker));
  return sum;
}

}  // namespace hopscope::pipeline
