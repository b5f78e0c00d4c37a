#pragma once
// The whole exposition: what the tables say, then what the collector says of itself. The same for
// scrapes, for `replay --metrics` and for `forecast`.

#include "export/exemplars.h"
#include "export/flow_series_options.h"
#include "export/names.h"
#include "export/self_metrics.h"
#include "export/series_writer.h"

namespace hopscope::exporter {

/// Writes all families to `out`, which the caller finishes. `suppressed` of `self` is found here.
/// `exemplars` may be null.
void write_exposition(SelfMetricsInput self, const FlowSeriesOptions& flows, const Names& names,
                      const Exemplars* exemplars, SeriesWriter& out);

}  // namespace hopscope::exporter
