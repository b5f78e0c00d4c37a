#pragma once
// What the tables must say, written the obvious way: maps, one report after the other, no caching,
// no batches, no workers. The engine is compared with it on random traffic.

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "pipeline/encode/encode.h"
#include "pipeline/events/event.h"
#include "pipeline/events/intervals.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::test {

using FlowId = std::tuple<std::array<std::uint8_t, 16>, std::array<std::uint8_t, 16>, std::uint16_t,
                          std::uint16_t, std::uint8_t>;

inline FlowId id_of(const pipeline::FlowKey& key) {
  return {key.source.bytes, key.destination.bytes, key.source_port, key.destination_port,
          key.protocol};
}

/// An event without its times, to be sorted and compared.
struct PlainEvent {
  pipeline::EventKind kind;
  pipeline::Measurement measurement;
  std::optional<FlowId> flow{};
  std::uint32_t switch_id = 0;
  std::uint32_t port = 0;
  std::uint32_t queue = 0;
  std::optional<std::uint64_t> old_value{};
  std::uint64_t new_value = 0;
  std::vector<std::uint32_t> old_path{};
  std::vector<std::uint32_t> new_path{};
  std::int64_t time_ns = 0;

  friend auto operator<=>(const PlainEvent&, const PlainEvent&) = default;
};

inline std::vector<std::uint32_t> plain(const pipeline::Path& path) {
  return {path.switch_id.begin(), path.switch_id.begin() + path.count};
}

inline PlainEvent plain(const pipeline::Event& event) {
  return {.kind = event.kind,
          .measurement = event.measurement,
          .flow = event.has_flow ? std::optional(id_of(event.flow)) : std::nullopt,
          .switch_id = event.switch_id,
          .port = event.port,
          .queue = event.queue,
          .old_value = event.has_old && event.kind != pipeline::EventKind::kPathChange
                           ? std::optional(event.old_value)
                           : std::nullopt,
          .new_value = event.new_value,
          .old_path = plain(event.old_path),
          .new_path = plain(event.new_path),
          .time_ns = event.receive_time_ns};
}

class ReferenceModel {
 public:
  explicit ReferenceModel(const pipeline::EventOptions& options)
      : flow_latency_(options.flow_latency, 1e-9),
        hop_latency_(options.hop_latency, 1e-9),
        tx_(options.tx_utilization, 1),
        occupancy_(options.queue_occupancy, 1) {}

  struct Flow {
    std::uint64_t reports = 0;
    std::uint32_t path_changes = 0;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> path;  ///< (switch, port), sink first
    std::vector<std::uint64_t> latency;
    std::vector<pipeline::Interval> interval;
    std::uint64_t flow_latency = 0;
    pipeline::Interval flow_interval = pipeline::kNoInterval;
  };
  struct Value {
    std::uint64_t value = 0;
    std::uint64_t at_event = 0;
    pipeline::Interval interval = pipeline::kNoInterval;
  };
  using PortId = std::pair<std::uint32_t, std::uint32_t>;
  using QueueId = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

  /// One report of an INT-MD stack whose hops all carry node, ports, latency, queue and
  /// utilisation.
  void apply(const FlowId& id, const std::vector<pipeline::Metadata>& hops, std::int64_t time_ns) {
    apply_flow(id, hops, time_ns);
    for (const pipeline::Metadata& hop : hops) {
      const PortId port{hop.node_id, hop.l1_egress_if};
      move(ports[port], tx_, hop.tx_utilization, pipeline::Measurement::kTxUtilization, port, 0,
           time_ns);
      move(queues[{port.first, port.second, hop.queue_id}], occupancy_, hop.queue_occupancy,
           pipeline::Measurement::kQueueOccupancy, port, hop.queue_id, time_ns);
      ++histogram[hop.node_id][bucket(hop.hop_latency)];
    }
  }

  std::map<FlowId, Flow> flows;
  std::map<PortId, Value> ports;
  std::map<QueueId, Value> queues;
  std::map<std::uint32_t, std::map<unsigned, std::uint64_t>> histogram;
  std::vector<PlainEvent> events;

 private:
  static unsigned bucket(std::uint64_t latency_ns) {
    unsigned i = 0;
    while (i + 1 < pipeline::kLatencyBuckets &&
           latency_ns > (std::uint64_t{1} << (i + pipeline::kLatencyFirstBit))) {
      ++i;
    }
    return i;
  }

  static std::vector<std::uint32_t> switches(
      const std::vector<std::pair<std::uint32_t, std::uint32_t>>& path) {
    std::vector<std::uint32_t> ids;
    for (auto hop = path.rbegin(); hop != path.rend(); ++hop) ids.push_back(hop->first);
    if (ids.size() > pipeline::kMaxHops) {
      ids.erase(ids.begin(), ids.end() - pipeline::kMaxHops);
    }
    return ids;
  }

  void apply_flow(const FlowId& id, const std::vector<pipeline::Metadata>& hops,
                  std::int64_t time_ns) {
    const bool is_new = !flows.contains(id);
    Flow& flow = flows[id];
    ++flow.reports;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> path;
    for (const auto& hop : hops) path.emplace_back(hop.node_id, hop.l1_egress_if);
    // Records hold the hops nearest to the sink: a change further away only shows as a length.
    const auto seen = [](auto full) {
      const std::size_t length = full.size();
      full.resize(std::min<std::size_t>(length, pipeline::kMaxHops));
      return std::pair(length, full);
    };
    if (seen(path) != seen(flow.path)) {
      if (!is_new) {
        ++flow.path_changes;
        events.push_back({.kind = pipeline::EventKind::kPathChange,
                          .measurement = pipeline::Measurement::kFlow,
                          .flow = id,
                          .old_path = nearest(flow.path),
                          .new_path = nearest(path),
                          .time_ns = time_ns});
      }
      flow.path = path;
      flow.latency.assign(hops.size(), 0);
      flow.interval.assign(hops.size(), pipeline::kNoInterval);
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < hops.size(); ++i) {
      sum += hops[i].hop_latency;
      if (i < pipeline::kMaxHops) hop_latency(id, flow, i, hops[i], time_ns);
    }
    if (flow.flow_interval == pipeline::kNoInterval) {
      flow.flow_interval = flow_latency_.index(sum);
    } else if (flow_latency_.left(sum, flow.flow_interval)) {
      events.push_back({.kind = pipeline::EventKind::kValueMoved,
                        .measurement = pipeline::Measurement::kFlowLatency,
                        .flow = id,
                        .old_value = flow.flow_latency,
                        .new_value = sum,
                        .time_ns = time_ns});
      flow.flow_interval = flow_latency_.index(sum);
    }
    flow.flow_latency = sum;
    if (is_new) {
      events.push_back({.kind = pipeline::EventKind::kNewKey,
                        .measurement = pipeline::Measurement::kFlow,
                        .flow = id,
                        .new_path = nearest(path),
                        .time_ns = time_ns});
    }
  }

  static std::vector<std::uint32_t> nearest(
      std::vector<std::pair<std::uint32_t, std::uint32_t>> path) {
    if (path.size() > pipeline::kMaxHops) path.resize(pipeline::kMaxHops);
    return switches(path);
  }

  void hop_latency(const FlowId& id, Flow& flow, std::size_t i, const pipeline::Metadata& hop,
                   std::int64_t time_ns) {
    if (flow.interval[i] == pipeline::kNoInterval) {
      flow.interval[i] = hop_latency_.index(hop.hop_latency);
    } else if (hop_latency_.left(hop.hop_latency, flow.interval[i])) {
      events.push_back({.kind = pipeline::EventKind::kValueMoved,
                        .measurement = pipeline::Measurement::kHopLatency,
                        .flow = id,
                        .switch_id = hop.node_id,
                        .old_value = flow.latency[i],
                        .new_value = hop.hop_latency,
                        .time_ns = time_ns});
      flow.interval[i] = hop_latency_.index(hop.hop_latency);
    }
    flow.latency[i] = hop.hop_latency;
  }

  void move(Value& value, const pipeline::IntervalRule& rule, std::uint64_t now,
            pipeline::Measurement measurement, const PortId& port, std::uint32_t queue,
            std::int64_t time_ns) {
    const bool is_new = value.interval == pipeline::kNoInterval;
    value.value = now;
    if (!is_new && !rule.left(now, value.interval)) return;
    events.push_back(
        {.kind = is_new ? pipeline::EventKind::kNewKey : pipeline::EventKind::kValueMoved,
         .measurement = measurement,
         .switch_id = port.first,
         .port = port.second,
         .queue = queue,
         .old_value = is_new ? std::nullopt : std::optional(value.at_event),
         .new_value = now,
         .time_ns = time_ns});
    value.interval = rule.index(now);
    value.at_event = now;
  }

  pipeline::IntervalRule flow_latency_, hop_latency_, tx_, occupancy_;
};

}  // namespace hopscope::test
