#include "export/metrics/flow_exposition.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "export/metrics/flow_choice.h"
#include "export/names/flow_path.h"
#include "export/names/scale.h"

namespace hopscope::exporter {
namespace {

using pipeline::FlowSnapshot;

constexpr Family kReports{"int_flow_reports_total", FamilyType::kCounter, "Reports of the flow."};
constexpr Family kLatency{
    "int_flow_latency_seconds", FamilyType::kGauge,
    "Latency of the flow in its newest report: the sum of its hops, or from the source's ingress "
    "to the sink's egress where their clocks agree."};
constexpr Family kPathChanges{"int_flow_path_changes_total", FamilyType::kCounter,
                              "How often the flow took another path."};
constexpr Family kPath{
    "int_flow_path_info", FamilyType::kGauge,
    "Path of the flow from source to sink, always 1. Not for flows known from postcards."};
constexpr Family kHopLatency{
    "int_flow_hop_latency_seconds", FamilyType::kGauge,
    "Latency of the flow in a switch, newest report. Summed where it crosses one twice."};
constexpr Family kOtherReports{
    "int_flow_other_reports", FamilyType::kGauge,
    "Reports of all known flows without series of their own: with int_flow_reports_total the sum "
    "over all. Falls when a flow gets a series or is forgotten, so no counter."};
constexpr Family kOtherPathChanges{"int_flow_other_path_changes", FamilyType::kGauge,
                                   "Path changes of all known flows without series of their own."};
constexpr const Family* kFamilies[] = {&kReports,    &kLatency,      &kPathChanges,     &kPath,
                                       &kHopLatency, &kOtherReports, &kOtherPathChanges};

class FlowExposition {
 public:
  FlowExposition(const FlowChoice& flows, const Names& names, SeriesWriter& out)
      : flows_(flows), names_(names), out_(out) {}

  void write() const {
    family(kReports, [&](const FlowSnapshot& flow) { out_.sample(flow.reports); });
    family(kLatency, [&](const FlowSnapshot& flow) {
      if (!flow.has_latency) return;
      out_.labels.add("by", flow.timed ? "clocks" : "hops");
      out_.sample(static_cast<double>(flow.latency_ns) / 1e9);
    });
    family(kPathChanges,
           [&](const FlowSnapshot& flow) { out_.sample(std::uint64_t{flow.path_changes}); });
    family(kPath, [&](const FlowSnapshot& flow) { write_path(flow); });
    family(kHopLatency, [&](const FlowSnapshot& flow) { write_hops(flow); });
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
  rest(kOtherReports, flows.rest().reports);
  rest(kOtherPathChanges, flows.rest().path_changes);
  return flows.rest().flows;
}

}  // namespace hopscope::exporter
