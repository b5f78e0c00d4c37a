#include "export/example_tables.h"

#include <algorithm>
#include <utility>

#include "pipeline/hash.h"

namespace hopscope::exporter {
namespace {

constexpr std::int64_t kThen = 1'700'000'000'000'000'000;

/// Numbers that look like measured ones, the same each time.
std::uint64_t number(std::uint64_t seed, std::uint64_t most) {
  return pipeline::hash_of(seed, {}) % most;
}

}  // namespace

ExampleTables::ExampleTables(ExampleSize size) : size_(std::move(size)) {}

void ExampleTables::make_flow(std::uint64_t index, pipeline::FlowSnapshot& flow) const {
  const auto byte = [index](unsigned shift) { return static_cast<std::uint8_t>(index >> shift); };
  flow.key.source = {.bytes = {10, byte(16), byte(8), byte(0)}, .version = 4};
  flow.key.destination = {.bytes = {172, 16, byte(4), byte(12)}, .version = 4};
  flow.key.source_port = static_cast<std::uint16_t>(32768 + index % 28000);
  flow.key.destination_port = 443;
  flow.key.protocol = 6;
  flow.place = index;
  flow.reports = 1 + number(index, 10'000'000);
  flow.path_changes = static_cast<std::uint32_t>(number(index + 1, 10));
  flow.last_seen_ns = kThen;
  flow.has_latency = true;
  flow.latency_ns = 0;
  flow.hop_count =
      static_cast<std::uint8_t>(std::min<std::uint32_t>(size_.hops, pipeline::kMaxHops));
  for (unsigned i = 0; i < flow.hop_count; ++i) {
    pipeline::HopSnapshot& hop = flow.hops[i];
    hop.switch_id = size_.switches[(index + i) % size_.switches.size()];
    hop.egress_port = 1;
    hop.has_latency = true;
    hop.latency = static_cast<std::uint32_t>(200 + number(index + i, 100'000));
    flow.latency_ns += hop.latency;
  }
}

void ExampleTables::for_each_flow(
    const std::function<void(const pipeline::FlowSnapshot&)>& visit) const {
  pipeline::FlowSnapshot flow;
  for (std::uint64_t i = 0; i < size_.flows; ++i) {
    make_flow(i, flow);
    visit(flow);
  }
}

bool ExampleTables::read_flow(pipeline::FlowRef place, pipeline::FlowSnapshot& flow) const {
  if (place >= size_.flows) return false;
  make_flow(place, flow);
  return true;
}

void ExampleTables::for_each_port(
    const std::function<void(const pipeline::PortSnapshot&)>& visit) const {
  pipeline::PortSnapshot port;
  port.last_seen_ns = kThen;
  port.has_tx_utilization = true;
  port.queues.resize(size_.queues);
  for (const std::uint32_t id : size_.switches) {
    for (std::uint32_t i = 0; i < size_.ports; ++i) {
      port.key = {.switch_id = id, .port = i};
      port.tx_utilization = static_cast<std::uint32_t>(number(id + i, 100));
      for (std::uint32_t q = 0; q < size_.queues; ++q) {
        port.queues[q] = {.queue = q,
                          .has_occupancy = true,
                          .occupancy = static_cast<std::uint32_t>(number(id + i + q, 20'000))};
      }
      visit(port);
    }
  }
}

void ExampleTables::for_each_switch(
    const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const {
  pipeline::SwitchSnapshot row;
  for (const std::uint32_t id : size_.switches) {
    row.switch_id = id;
    for (unsigned i = 0; i < pipeline::kLatencyBuckets; ++i) {
      row.latency_buckets[i] = number(id + i, 10'000'000);
    }
    row.latency_sum_ns = number(id, 1'000'000'000'000'000);
    visit(row);
  }
}

void ExampleTables::for_each_drop(
    const std::function<void(const pipeline::DropSnapshot&)>& visit) const {
  for (const std::uint32_t id : size_.switches) {
    for (std::uint32_t i = 0; i < size_.drop_reasons; ++i) {
      visit({.switch_id = id, .reason = 24 + i, .packets = number(id + i, 1'000'000)});
    }
  }
}

void ExampleTables::for_each_sequence(
    const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const {
  for (const std::uint32_t id : size_.switches) {
    visit({.source = {.bytes = {192, 168, static_cast<std::uint8_t>(id >> 8),
                                static_cast<std::uint8_t>(id)},
                      .version = 4},
           .switch_id = id,
           .hw_id = 1,
           .received = number(id, 1'000'000'000),
           .missing = number(id, 1000),
           .versions = 2});
  }
}

void ExampleTables::for_each_link(
    const std::function<void(const pipeline::LinkSnapshot&)>& visit) const {
  const std::size_t switches = size_.switches.size();
  for (std::size_t i = 0; i < switches; ++i) {
    for (std::uint32_t k = 0; k < size_.links; ++k) {
      visit({.from = {.switch_id = size_.switches[i], .port = k},
             .to = {.switch_id = size_.switches[(i + k + 1) % switches], .port = k},
             .latency_ns = 500 + number(i + k, 5000),
             .last_seen_ns = kThen});
    }
  }
}

void ExampleTables::for_each_format(
    const std::function<void(const pipeline::FormatSnapshot&)>& visit) const {
  for (std::uint32_t format = 0; format < size_.formats; ++format) {
    for (std::uint64_t i = 0; i < size_.keys_a_format; ++i) {
      pipeline::FormatSnapshot row;
      row.format = static_cast<std::uint8_t>(format);
      for (std::size_t word = 1; word < row.key.size(); word += 2) row.key[word] = i;
      row.reports = number(i, 1'000'000);
      row.present = 0xFF;
      for (std::size_t k = 0; k < row.value.size(); ++k) row.value[k] = number(i + k, 1'000'000);
      visit(row);
    }
  }
}

pipeline::CounterSnapshot ExampleTables::counters(std::size_t /*worker*/) const {
  pipeline::CounterSnapshot counters;
  counters.frames = 1'000'000'000 / size_.workers;
  counters.decoded = counters.frames;
  counters.reports = counters.frames;
  counters.batches = counters.frames / 32;
  counters.busy_ns = 1'000'000'000'000;
  counters.entries[static_cast<std::size_t>(pipeline::Table::kFlowIpv4)] =
      size_.flows / size_.workers;
  return counters;
}

}  // namespace hopscope::exporter
