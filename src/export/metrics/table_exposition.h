#pragma once
// The families that come straight from the tables: flows, hops, ports, queues, drops, sequences.
// Rendered row by row from snapshots; the workers are neither stopped nor locked.

#include <cstdint>

#include "export/metrics/exemplars.h"
#include "export/metrics/options.h"
#include "export/metrics/series_writer.h"
#include "export/names/names.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

class TableExposition {
 public:
  /// `exemplars`: what events told; null: none are given. What is referred to must outlive it.
  TableExposition(const FlowSeriesOptions& flows, const Names& names,
                  const Exemplars* exemplars = nullptr)
      : options_(flows), names_(names), exemplars_(exemplars) {}

  void write(const pipeline::TableView& tables, SeriesWriter& out);

  /// Flows that the newest write() left out because of top_k or max_series.
  [[nodiscard]] std::uint64_t suppressed_flows() const noexcept { return suppressed_; }

 private:
  /// `seen`: flows as they are now; null: no exemplars.
  void write_hop_latency(const pipeline::TableView& tables, const Exemplars* seen,
                         SeriesWriter& out) const;
  void write_ports(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_drops(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_sequences(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_sources(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_links(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_formats(const pipeline::TableView& tables, SeriesWriter& out) const;
  void write_format(std::size_t index, const pipeline::TableView& tables, SeriesWriter& out) const;

  const FlowSeriesOptions options_;
  const Names& names_;
  const Exemplars* exemplars_;
  std::uint64_t suppressed_ = 0;
};

}  // namespace hopscope::exporter
