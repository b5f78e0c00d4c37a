#include "export/metrics/sink_metrics.h"

#include "base/enum_count.h"
#include "export/metrics/collected_families.h"
#include "export/names/families.h"

namespace hopscope::exporter {
namespace {

/// The families with one number of each sink.
struct Number {
  const Family& family;
  std::uint64_t DeliveryCounts::*value;
};
constexpr Number kNumbers[] = {
    {families::kSinkRecords, &DeliveryCounts::produced},
    {families::kSinkRecovered, &DeliveryCounts::recovered},
    {families::kSinkDelivered, &DeliveryCounts::delivered},
    {families::kSinkSpoolBytes, &DeliveryCounts::spool_bytes},
    {families::kSinkSpoolUnwritten, &DeliveryCounts::spool_unwritten},
    {families::kSinkSpoolKept, &DeliveryCounts::spool_kept},
    {families::kSinkSentAgain, &DeliveryCounts::sent_again},
    {families::kSinkBatches, &DeliveryCounts::batches},
    {families::kSinkRetries, &DeliveryCounts::retries},
    {families::kSinkSuppressed, &DeliveryCounts::suppressed},
    {families::kSinkBytes, &DeliveryCounts::bytes_delivered},
};

void add_sink(CollectedFamilies& out, const SinkCount& sink) {
  const DeliveryCounts& counts = sink.counts;
  const std::string& name = sink.sink;
  out.add(families::kSinkInfo, {{"sink", name}, {"kind", sink.kind}}, 1);
  for (const auto& [family, value] : kNumbers) out.add(family, {{"sink", name}}, counts.*value);
  for (std::size_t i = 0; i < counts.dropped.size(); ++i) {
    out.add(families::kSinkDropped,
            {{"sink", name}, {"reason", std::string(label(static_cast<DropReason>(i)))}},
            counts.dropped[i]);
  }
  out.add(families::kSinkPending, {{"sink", name}, {"where", "memory"}}, counts.in_memory);
  out.add(families::kSinkPending, {{"sink", name}, {"where", "spool"}}, counts.in_spool);
  for (std::size_t i = 0; i < kCountOf<SinkState>; ++i) {
    const auto state = static_cast<SinkState>(i);
    out.add(families::kSinkState, {{"sink", name}, {"state", std::string(label(state))}},
            state == counts.state ? 1 : 0);
  }
  out.add(families::kSinkSpoolFailing, {{"sink", name}}, counts.spool_failing ? 1 : 0);
}

}  // namespace

std::vector<prometheus::MetricFamily> SinkMetrics::Collect() const {
  CollectedFamilies out;
  for (const SinkCount& sink : sinks_()) add_sink(out, sink);
  return out.take();
}

}  // namespace hopscope::exporter
