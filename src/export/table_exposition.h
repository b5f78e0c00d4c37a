#pragma once
// The families that come straight from the tables: flows, hops, ports, queues, drops, sequences.
// Rendered row by row from snapshots; the workers are neither stopped nor locked.

#include <cstdint>
#include <vector>

#include "export/names.h"
#include "export/options.h"
#include "export/text_writer.h"
#include "pipeline/snapshot.h"

namespace hopscope::exporter {

class TableExposition {
 public:
  TableExposition(const FlowSeriesOptions& flows, const Names& names)
      : options_(flows), names_(names) {}

  void write(const pipeline::TableView& tables, TextWriter& out);

  /// Flows that the newest write() left out because of top_k or max_series.
  [[nodiscard]] std::uint64_t suppressed_flows() const noexcept { return suppressed_; }

 private:
  [[nodiscard]] std::vector<pipeline::FlowSnapshot> choose_flows(const pipeline::TableView& tables);
  void write_flows(const std::vector<pipeline::FlowSnapshot>& flows, TextWriter& out) const;
  void write_flow_hops(const std::vector<pipeline::FlowSnapshot>& flows, TextWriter& out) const;
  void write_hop_latency(const pipeline::TableView& tables, TextWriter& out) const;
  void write_ports(const pipeline::TableView& tables, TextWriter& out) const;
  void write_drops(const pipeline::TableView& tables, TextWriter& out) const;
  void write_sequences(const pipeline::TableView& tables, TextWriter& out) const;
  void write_links(const pipeline::TableView& tables, TextWriter& out) const;
  void write_formats(const pipeline::TableView& tables, TextWriter& out) const;
  void write_format(const FormatNames& format, const std::vector<pipeline::FormatSnapshot>& rows,
                    TextWriter& out) const;
  void write_sources(const pipeline::TableView& tables, TextWriter& out) const;

  const FlowSeriesOptions options_;
  const Names& names_;
  std::uint64_t suppressed_ = 0;
};

}  // namespace hopscope::exporter
