#include "pipeline/worker/table_reader.h"

#include <map>
#include <utility>

#include "base/assert.h"
#include "pipeline/tables/port_merge.h"
#include "pipeline/worker/worker.h"

namespace hopscope::pipeline {
namespace {

/// The record has the low half of the port. The row has all of it, unless it is another port's now.
template <typename Key>
std::uint32_t port_of(const FlowRecord<Key>& record, unsigned hop, const RowTable<PortRow>& ports) {
  const std::uint32_t slot = record.port_slot[hop];
  PortRow row;
  if (slot < ports.used_end() && read_row(ports[slot], row) &&
      row.switch_id == record.switch_id[hop] &&
      static_cast<std::uint16_t>(row.port) == record.egress_port[hop]) {
    return row.port;
  }
  const std::uint16_t low = record.egress_port[hop];
  return low == static_cast<std::uint16_t>(kNoPort) ? kNoPort : low;
}

template <typename Key>
FlowSnapshot snapshot_of(const FlowRecord<Key>& record, const RowTable<PortRow>& ports) {
  using Record = FlowRecord<Key>;
  FlowSnapshot flow;
  flow.key = widen(record.key);
  flow.reports = record.reports;
  flow.drops = record.drops;
  flow.path_changes = record.path_changes;
  flow.last_seen_ns = record.last_seen_ns;
  flow.has_latency = (record.flags & Record::kHasLatency) != 0;
  flow.latency_ns = record.latency_ns;
  flow.timed = (record.flags & Record::kTimed) != 0;
  flow.postcards = (record.flags & Record::kPostcards) != 0;
  flow.longer = (record.flags & Record::kLonger) != 0;
  flow.hop_count = record.hop_count;
  for (unsigned i = 0; i < record.hop_count; ++i) {
    // Stacks are kept sink first; postcards in the order of first sight.
    const unsigned from = flow.postcards ? i : record.hop_count - 1U - i;
    HopSnapshot& hop = flow.hops[i];
    hop.switch_id = record.switch_id[from];
    hop.has_latency = record.latency[from] != kNoLatency;
    hop.latency = hop.has_latency ? record.latency[from] : 0;
    hop.egress_port = port_of(record, from, ports);
  }
  return flow;
}

/// A place is the worker, whether the flow is IPv6, and the index of its record.
constexpr unsigned kPlaceIndexBits = 32;

FlowRef place_of(std::size_t worker, bool is_ipv6, std::uint64_t index) noexcept {
  HOPSCOPE_ASSERT(index >> kPlaceIndexBits == 0);
  return (FlowRef{worker} << 1 | (is_ipv6 ? 1 : 0)) << kPlaceIndexBits | index;
}

}  // namespace

CounterSnapshot TableReader::counters(std::size_t worker) const {
  HOPSCOPE_ASSERT(worker < workers_.size());
  return workers_[worker]->counters();
}

void TableReader::for_each_flow(const std::function<void(const FlowSnapshot&)>& visit) const {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    const Tables& tables = workers_[i]->tables();
    const auto visit_all = [&](const auto& flows, bool is_ipv6) {
      flows.for_each([&](const auto& record, std::uint64_t index) {
        FlowSnapshot flow = snapshot_of(record, tables.ports().ports());
        flow.place = place_of(i, is_ipv6, index);
        visit(flow);
      });
    };
    visit_all(tables.flows4(), false);
    visit_all(tables.flows6(), true);
  }
}

bool TableReader::read_flow(FlowRef place, FlowSnapshot& flow) const {
  const auto worker = static_cast<std::size_t>(place >> (kPlaceIndexBits + 1));
  if (worker >= workers_.size()) return false;
  const Tables& tables = workers_[worker]->tables();
  const std::uint64_t index = place & ((1ULL << kPlaceIndexBits) - 1);
  const auto read = [&](const auto& flows, auto record) {
    if (!flows.read(index, record)) return false;
    flow = snapshot_of(record, tables.ports().ports());
    flow.place = place;
    return true;
  };
  return ((place >> kPlaceIndexBits) & 1) != 0 ? read(tables.flows6(), FlowRecord<FlowKey6>{})
                                               : read(tables.flows4(), FlowRecord<FlowKey4>{});
}

void TableReader::for_each_port(const std::function<void(const PortSnapshot&)>& visit) const {
  std::vector<const Tables*> tables;
  for (const Worker* worker : workers_) tables.push_back(&worker->tables());
  visit_ports(tables, visit);
}

void TableReader::for_each_switch(const std::function<void(const SwitchSnapshot&)>& visit) const {
  std::map<std::uint32_t, SwitchSnapshot> merged;
  for (const Worker* worker : workers_) {
    worker->tables().ports().switches().for_each([&](const SwitchRow& row) {
      SwitchSnapshot& sum = merged[row.switch_id];
      sum.switch_id = row.switch_id;
      sum.latency_sum_ns += row.latency_sum_ns;
      for (unsigned i = 0; i < kLatencyBuckets; ++i) {
        sum.latency_buckets[i] += row.latency_buckets[i];
      }
    });
  }
  for (const auto& [id, snapshot] : merged) visit(snapshot);
}

void TableReader::for_each_drop(const std::function<void(const DropSnapshot&)>& visit) const {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> merged;
  for (const Worker* worker : workers_) {
    worker->tables().drops().for_each([&](const DropRow& row) {
      merged[{row.switch_id, row.reason}] += row.packets;
    });
  }
  for (const auto& [key, packets] : merged) {
    if (packets != 0) visit({.switch_id = key.first, .reason = key.second, .packets = packets});
  }
}

void TableReader::for_each_sequence(
    const std::function<void(const SequenceSnapshot&)>& visit) const {
  for (const Worker* worker : workers_) {
    worker->tables().sequences().for_each([&](const SequenceRow& row) {
      if (row.received == 0) return;
      visit({.source = row.source,
             .switch_id = row.switch_id,
             .hw_id = row.hw_id,
             .received = row.received,
             .missing = row.missing,
             .late = row.late,
             .duplicates = row.duplicates,
             .restarts = row.restarts,
             .versions = row.versions,
             .deviations = row.deviations,
             .constant = row.constant != 0});
    });
  }
}

void TableReader::for_each_link(const std::function<void(const LinkSnapshot&)>& visit) const {
  // Flows of several workers may use a link: the newest value counts.
  std::map<std::pair<PortKey, PortKey>, LinkSnapshot> merged;
  for (const Worker* worker : workers_) {
    worker->tables().links().for_each([&](const LinkRow& row) {
      if (row.last_seen_ns == 0) return;
      const PortKey from{.switch_id = row.from_switch, .port = row.from_port};
      const PortKey to{.switch_id = row.to_switch, .port = row.to_port};
      LinkSnapshot& link = merged[{from, to}];
      if (row.last_seen_ns < link.last_seen_ns) return;
      link = {
          .from = from, .to = to, .latency_ns = row.latency_ns, .last_seen_ns = row.last_seen_ns};
    });
  }
  for (const auto& [key, link] : merged) visit(link);
}

void TableReader::for_each_format(const std::function<void(const FormatSnapshot&)>& visit) const {
  for (const Worker* worker : workers_) {
    worker->tables().formats().for_each([&](const FormatRow& row) {
      if (row.used == 0) return;
      visit({.format = row.format,
             .key = row.key,
             .reports = row.reports,
             .drops = row.drops,
             .present = row.present,
             .value = row.value});
    });
  }
}

}  // namespace hopscope::pipeline
