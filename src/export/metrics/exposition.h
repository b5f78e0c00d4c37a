#pragma once
// The whole exposition: what the tables say, then what the collector says of itself. The same for
// scrapes, for `replay --metrics` and for `forecast`.

#include "export/metrics/exemplars.h"
#include "export/metrics/options.h"
#include "export/metrics/self_metrics.h"
#include "export/metrics/series_writer.h"
#include "export/names/names.h"

namespace hopscope::exporter {

/// Writes all families to `out`, which the caller finishes. `suppressed` of `self` is found here.
/// `exemplars` may be null.
void write_exposition(SelfMetricsInput self, const FlowSeriesOptions& flows, const Names& names,
                      const Exemplars* exemplars, SeriesWriter& out);

}  // namespace hopscope::exporter
