#include "export/metrics/flow_exposition.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "export/metrics/flow_choice.h"
#include "export/names/families.h"
#include "export/names/flow_path.h"
#include "export/names/scale.h"

namespace hopscope::exporter {
namespace {

using pipeline::FlowSnapshot;

constexpr const Family* kFamilies[] = {
    &families::kFlowReports,         &families::kFlowLatency,    &families::kFlowPathChanges,
    &families::kFlowPathInfo,        &families::kFlowHopLatency, &families::kFlowOtherReports,
    &families::kFlowOtherPathChanges};

class FlowExposition {
 public:
  FlowExposition(const FlowChoice& flows, const Names& names, SeriesWriter& out)
      : flows_(flows), names_(names), out_(out) {}

  void write() const {
    family(families::kFlowReports, [&](const FlowSnapshot& flow) { out_.sample(flow.reports); });
    family(families::kFlowLatency, [&](const FlowSnapshot& flow) {
      if (!flow.has_latency) return;
      out_.labels.add("by", flow.timed ? "clocks" : "hops");
      out_.sample(static_cast<double>(flow.latency_ns) / 1e9);
    });
    family(families::kFlowPathChanges,
           [&](const FlowSnapshot& flow) { out_.sample(std::uint64_t{flow.path_changes}); });
    family(families::kFlowPathInfo, [&](const FlowSnapshot& flow) { write_path(flow); });
    family(families::kFlowHopLatency, [&](const FlowSnapshot& flow) { write_hops(flow); });
  }

 private:
  /// write(flow) finds the labels of the flow made.
  template <typename Write>
  void family(const Family& family, const Write& write) const {
    if (!out_.begin(family)) return;
    flows_.for_each([&](const FlowSnapshot& flow) {
      out_.labels.clear();
      add_flow_labels(out_.labels, flow.key);
      write(flow);
      return out_.alive();
    });
  }

  void write_path(const FlowSnapshot& flow) const {
    if (flow.postcards || flow.hop_count == 0) return;
    out_.labels.add("path", path_text(flow, names_));
    out_.sample(std::uint64_t{1});
  }

  void write_hops(const FlowSnapshot& flow) const {
    const std::size_t mark = out_.labels.mark();
    for_each_switch_latency(flow, names_, [&](std::uint32_t id, double seconds) {
      out_.labels.cut(mark);
      out_.labels.add("switch", names_.switch_name(id));
      out_.sample(seconds);
    });
  }

  const FlowChoice& flows_;
  const Names& names_;
  SeriesWriter& out_;
};

}  // namespace

void add_flow_labels(Labels& labels, const pipeline::FlowKey& key) {
  labels.add("src", key.source);
  labels.add("dst", key.destination);
  labels.add("sport", std::uint64_t{key.source_port});
  labels.add("dport", std::uint64_t{key.destination_port});
  labels.add("proto", protocol_text(key.protocol));
}

std::uint64_t write_flows(const pipeline::TableView& tables, const FlowSeriesOptions& options,
                          const Names& names, Exemplars* seen, SeriesWriter& out) {
  const bool wanted = std::any_of(std::begin(kFamilies), std::end(kFamilies), [&](const Family* f) {
    return out.view().wants_family(f->name);
  });
  if (!wanted || options.series == FlowSeries::kOff) {
    for (const Family* family : kFamilies) out.skip(family->name);
    if (seen != nullptr) {
      tables.for_each_flow([&](const FlowSnapshot& flow) { seen->take(flow); });
    }
    return 0;
  }
  const FlowChoice flows(tables, options, out.view(), seen);
  FlowExposition(flows, names, out).write();
  const auto rest = [&](const Family& family, std::uint64_t value) {
    if (!out.begin(family)) return;
    out.labels.clear();
    out.sample(value);
  };
  rest(families::kFlowOtherReports, flows.rest().reports);
  rest(families::kFlowOtherPathChanges, flows.rest().path_changes);
  return flows.rest().flows;
}

}  // namespace hopscope::exporter
