#include "export/metrics/flow_choice.h"

#include <algorithm>

namespace hopscope::exporter {
namespace {

using pipeline::FlowSnapshot;

std::uint64_t rank(const FlowSnapshot& flow, FlowSort by) noexcept {
  switch (by) {
    case FlowSort::kLatency:
      return flow.has_latency ? flow.latency_ns : 0;
    case FlowSort::kDrops:
      return flow.drops;
    case FlowSort::kReports:
      break;
  }
  return flow.reports;
}

std::size_t max_flows(const FlowSeriesOptions& options, const ScrapeView& view) noexcept {
  if (options.series == FlowSeries::kOff) return 0;
  std::uint32_t most = options.max_series;
  if (options.series == FlowSeries::kTopK) most = std::min(most, options.top_k);
  return std::min(most, view.top_k.value_or(most));
}

bool crosses(const FlowSnapshot& flow, const ScrapeView& view) noexcept {
  return view.switches.empty() ||
         std::any_of(flow.hops.begin(), flow.hops.begin() + flow.hop_count,
                     [&](const auto& hop) { return view.wants_switch(hop.switch_id); });
}

/// A heap by it has the least of the chosen on top.
constexpr auto kBefore = [](const auto& a, const auto& b) noexcept {
  return a.rank != b.rank ? a.rank > b.rank : a.key_hash > b.key_hash;
};

}  // namespace

FlowChoice::FlowChoice(const pipeline::TableView& tables, const FlowSeriesOptions& options,
                       const ScrapeView& view, Exemplars* seen)
    : tables_(tables) {
  const std::size_t most = max_flows(options, view);
  const FlowSort by = view.sort.value_or(options.by);
  const pipeline::CounterSnapshot total = tables.total();
  const std::uint64_t flows = total.entries[static_cast<std::size_t>(pipeline::Table::kFlowIpv4)] +
                              total.entries[static_cast<std::size_t>(pipeline::Table::kFlowIpv6)];
  chosen_.reserve(std::min<std::uint64_t>(most, flows));
  tables.for_each_flow([&](const FlowSnapshot& flow) {
    if (seen != nullptr) seen->take(flow);
    if (view.shards > 1 && !view.in_shard(shard_hash(flow.key))) return;
    if (crosses(flow, view)) take(flow, by, most);
  });
  std::sort(chosen_.begin(), chosen_.end(),
            [](const Chosen& a, const Chosen& b) { return a.place < b.place; });
  if (chosen_.size() > kHeld) return;
  held_.reserve(chosen_.size());
  FlowSnapshot flow;
  for (const Chosen& chosen : chosen_) {
    if (read(chosen, flow)) held_.push_back(flow);
  }
}

void FlowChoice::take(const FlowSnapshot& flow, FlowSort by, std::size_t most) {
  const Chosen candidate{.rank = rank(flow, by),
                         .reports = flow.reports,
                         .place = flow.place,
                         .key_hash = static_cast<std::uint32_t>(shard_hash(flow.key)),
                         .path_changes = flow.path_changes};
  if (chosen_.size() < most) {
    chosen_.push_back(candidate);
    if (chosen_.size() == most) std::make_heap(chosen_.begin(), chosen_.end(), kBefore);
    return;
  }
  if (most == 0 || !kBefore(candidate, chosen_.front())) {
    leave_out(candidate);
    return;
  }
  leave_out(chosen_.front());
  std::pop_heap(chosen_.begin(), chosen_.end(), kBefore);
  chosen_.back() = candidate;
  std::push_heap(chosen_.begin(), chosen_.end(), kBefore);
}

void FlowChoice::leave_out(const Chosen& flow) {
  ++rest_.flows;
  rest_.reports += flow.reports;
  rest_.path_changes += flow.path_changes;
}

bool FlowChoice::read(const Chosen& chosen, FlowSnapshot& flow) const {
  return tables_.read_flow(chosen.place, flow) &&
         static_cast<std::uint32_t>(shard_hash(flow.key)) == chosen.key_hash;
}

}  // namespace hopscope::exporter
