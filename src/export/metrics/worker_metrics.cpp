#include "export/metrics/worker_metrics.h"

#include <string>

#include "base/enum_count.h"
#include "export/metrics/collected_families.h"
#include "export/names/families.h"

namespace hopscope::exporter {
namespace {

using pipeline::CounterSnapshot;
using pipeline::DecodeError;

/// The families with one counter of all workers each.
struct Total {
  const Family& family;
  std::uint64_t CounterSnapshot::*value;
};
constexpr Total kTotals[] = {
    {families::kFramesReceived, &CounterSnapshot::frames},
    {families::kFramesDecoded, &CounterSnapshot::decoded},
    {families::kRegularReports, &CounterSnapshot::regular_reports},
    {families::kFormatRecords, &CounterSnapshot::format_records},
};

void add_reports(CollectedFamilies& out, const CounterSnapshot& total) {
  for (std::size_t version = 0; version < total.reports_by.size(); ++version) {
    for (std::size_t kind = 0; kind < kCountOf<pipeline::ReportKind>; ++kind) {
      out.add(families::kReports,
              {{"version", std::string(pipeline::kVersionLabels[version])},
               {"kind", std::string(label(static_cast<pipeline::ReportKind>(kind)))}},
              total.reports_by[version][kind]);
    }
  }
  for (std::size_t kind = 0; kind < total.events.size(); ++kind) {
    out.add(families::kEvents,
            {{"kind", std::string(label(static_cast<pipeline::EventKind>(kind)))}},
            total.events[kind]);
  }
}

void add_errors(CollectedFamilies& out, const CounterSnapshot& total) {
  for (std::size_t i = 1; i < pipeline::kDecodeErrorCount; ++i) {
    const auto error = static_cast<DecodeError>(i);
    const std::string name(info(error).label);
    if (rejects(error)) out.add(families::kFramesDropped, {{"reason", name}}, total.dropped[i]);
    out.add(families::kDecodeErrors, {{"error", name}}, total.errors[i]);
  }
  out.add(families::kChecksumErrors, {{"header", "ipv4"}}, total.ipv4_checksum_wrong);
  out.add(families::kChecksumErrors, {{"header", "udp"}}, total.udp_checksum_wrong);
  out.add(families::kQueueDropped, {{"queue", "handoff"}}, total.handoff_dropped);
  out.add(families::kQueueDropped, {{"queue", "changes"}}, total.changes_dropped);
  out.add(families::kQueueDropped, {{"queue", "events"}}, total.events_dropped);
}

void add_tables(CollectedFamilies& out, const CounterSnapshot& total) {
  for (std::size_t i = 0; i < kCountOf<pipeline::Table>; ++i) {
    const std::string table(label(static_cast<pipeline::Table>(i)));
    out.add(families::kTableCapacity, {{"table", table}}, total.capacity[i]);
    out.add(families::kTableEntries, {{"table", table}}, total.entries[i]);
    out.add(families::kTableRefused, {{"table", table}}, total.refused[i]);
    out.add(families::kTableEvicted, {{"table", table}}, total.evicted[i]);
    out.add(families::kTableExpired, {{"table", table}}, total.expired[i]);
  }
}

void add_workers(CollectedFamilies& out, const pipeline::TableView& tables) {
  for (std::size_t i = 0; i < tables.worker_count(); ++i) {
    const CounterSnapshot worker = tables.counters(i);
    const std::string id = std::to_string(i);
    out.add(families::kWorkerBusyRatio, {{"worker", id}},
            static_cast<double>(worker.busy_ppm) / 1e6);
    out.add(families::kWorkerBusySeconds, {{"worker", id}},
            static_cast<double>(worker.busy_ns) / 1e9);
    out.add_summary(families::kFramesPerPoll, {{"worker", id}}, worker.batches, worker.frames);
  }
}

}  // namespace

std::vector<prometheus::MetricFamily> WorkerMetrics::Collect() const {
  CollectedFamilies out;
  const CounterSnapshot total = tables_.total();
  add_reports(out, total);
  for (const auto& [family, value] : kTotals) out.add(family, {}, total.*value);
  add_errors(out, total);
  add_tables(out, total);
  add_workers(out, tables_);
  return out.take();
}

}  // namespace hopscope::exporter
