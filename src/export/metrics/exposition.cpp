#include "export/metrics/exposition.h"

#include "export/metrics/table_exposition.h"

namespace hopscope::exporter {

void write_exposition(SelfMetricsInput self, const FlowSeriesOptions& flows, const Names& names,
                      const Exemplars* exemplars, SeriesWriter& out) {
  TableExposition tables(flows, names, exemplars);
  tables.write(*self.tables, out);
  out.end_family();
  self.suppressed = {{"flow", tables.suppressed_flows()}};
  for (const SeriesWriter::Count& count : out.counts()) {
    if (count.suppressed != 0) self.suppressed.emplace_back(count.family, count.suppressed);
  }
  write_self_metrics(self, out);
}

}  // namespace hopscope::exporter
