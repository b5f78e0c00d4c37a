#pragma once
// The families of flows and of their hops, bounded by FlowChoice.

#include <cstdint>

#include "export/metrics/exemplars.h"
#include "export/metrics/options.h"
#include "export/metrics/series_writer.h"
#include "export/names/names.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

/// Returns how many flows have no series. 0 where no family of flows is wanted. `seen` is shown
/// all flows, in any case, unless it is null.
std::uint64_t write_flows(const pipeline::TableView& tables, const FlowSeriesOptions& options,
                          const Names& names, Exemplars* seen, SeriesWriter& out);

/// src, dst, sport, dport, proto.
void add_flow_labels(Labels& labels, const pipeline::FlowKey& key);

}  // namespace hopscope::exporter
