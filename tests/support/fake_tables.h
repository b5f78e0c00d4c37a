#pragma once
// Tables with the rows that a test adds.

#include <vector>

#include "pipeline/tables/snapshot.h"

namespace hopscope::test {

class FakeTables final : public pipeline::TableView {
 public:
  std::vector<pipeline::FlowSnapshot> flows;
  std::vector<pipeline::PortSnapshot> ports;
  std::vector<pipeline::SwitchSnapshot> switches;
  std::vector<pipeline::DropSnapshot> drops;
  std::vector<pipeline::SequenceSnapshot> sequences;
  std::vector<pipeline::CounterSnapshot> workers{pipeline::CounterSnapshot{}};

  void for_each_flow(
      const std::function<void(const pipeline::FlowSnapshot&)>& visit) const override {
    for (std::size_t i = 0; i < flows.size(); ++i) {
      pipeline::FlowSnapshot flow = flows[i];
      flow.place = i;
      visit(flow);
    }
  }
  [[nodiscard]] bool read_flow(pipeline::FlowRef place,
                               pipeline::FlowSnapshot& flow) const override {
    if (place >= flows.size()) return false;
    flow = flows[place];
    flow.place = place;
    return true;
  }
  void for_each_port(
      const std::function<void(const pipeline::PortSnapshot&)>& visit) const override {
    for (const auto& row : ports) visit(row);
  }
  void for_each_switch(
      const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const override {
    for (const auto& row : switches) visit(row);
  }
  void for_each_drop(
      const std::function<void(const pipeline::DropSnapshot&)>& visit) const override {
    for (const auto& row : drops) visit(row);
  }
  void for_each_sequence(
      const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const override {
    for (const auto& row : sequences) visit(row);
  }
  void for_each_link(
      const std::function<void(const pipeline::LinkSnapshot&)>& visit) const override {
    visit({.from = {.switch_id = 1, .port = 2},
           .to = {.switch_id = 3, .port = pipeline::kNoPort},
           .latency_ns = 900,
           .last_seen_ns = 1});
  }
  void for_each_format(
      const std::function<void(const pipeline::FormatSnapshot&)>& /*visit*/) const override {}
  [[nodiscard]] std::size_t worker_count() const override { return workers.size(); }
  [[nodiscard]] pipeline::CounterSnapshot counters(std::size_t worker) const override {
    return workers[worker];
  }
};

/// 10.0.0.`host` to 10.0.1.1, UDP.
inline pipeline::FlowKey flow_key(std::uint8_t host) {
  pipeline::FlowKey key;
  key.source = {.bytes = {10, 0, 0, host}, .version = 4};
  key.destination = {.bytes = {10, 0, 1, 1}, .version = 4};
  key.source_port = static_cast<std::uint16_t>(4000 + host);
  key.destination_port = 80;
  key.protocol = 17;
  return key;
}

/// A flow over `switches`, source first; latencies 100, 200, ... raw.
inline pipeline::FlowSnapshot flow_over(std::uint8_t host, std::vector<std::uint32_t> switches) {
  pipeline::FlowSnapshot flow;
  flow.key = flow_key(host);
  flow.reports = host;
  flow.has_latency = true;
  for (const std::uint32_t id : switches) {
    auto& hop = flow.hops[flow.hop_count++];
    hop.switch_id = id;
    hop.egress_port = 1;
    hop.has_latency = true;
    hop.latency = 100U * flow.hop_count;
    flow.latency_ns += hop.latency;
  }
  return flow;
}

/// At least one row of everything, so that every family has a sample.
inline void fill(FakeTables& tables) {
  tables.flows = {flow_over(1, {1, 2, 3}), flow_over(2, {1, 4, 3})};
  pipeline::FlowSnapshot ipv6 = flow_over(3, {});
  ipv6.key.source = {.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                     .version = 6};
  ipv6.key.destination = {.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
                          .version = 6};
  ipv6.key.protocol = 6;
  ipv6.has_latency = false;
  ipv6.path_changes = 2;
  tables.flows.push_back(ipv6);
  pipeline::PortSnapshot port;
  port.key = {.switch_id = 1, .port = 7};
  port.has_tx_utilization = true;
  port.tx_utilization = 55;
  port.queues = {{.queue = 0, .has_occupancy = true, .occupancy = 12},
                 {.queue = 3, .has_congestion = true, .congestion = 90}};
  tables.ports = {port};
  pipeline::SwitchSnapshot row;
  row.switch_id = 1;
  row.latency_buckets[0] = 2;   // up to 128 ns
  row.latency_buckets[3] = 1;   // up to 1024 ns
  row.latency_buckets[25] = 1;  // beyond all bounds
  row.latency_sum_ns = 5'000'000'000;
  tables.switches = {row};
  tables.drops = {{.switch_id = 1, .reason = 29, .packets = 5},
                  {.switch_id = 1, .reason = 200, .packets = 1}};
  pipeline::SequenceSnapshot sequence;
  sequence.source = {.bytes = {10, 0, 0, 9}, .version = 4};
  sequence.switch_id = 1;
  sequence.hw_id = 3;
  sequence.received = 100;
  sequence.missing = 4;
  sequence.late = 1;
  sequence.duplicates = 2;
  tables.sequences = {sequence};
  pipeline::CounterSnapshot& counters = tables.workers[0];
  counters.frames = 100;
  counters.decoded = 98;
  counters.dropped[1] = 2;
  counters.errors[1] = 2;
  counters.reports = 99;
  counters.reports_by[1][0] = 99;
  counters.batches = 10;
  counters.busy_ns = 25;
  counters.idle_ns = 75;
  counters.events[0] = 3;
}

}  // namespace hopscope::test
