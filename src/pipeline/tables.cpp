#include "pipeline/tables.h"

#include <algorithm>

namespace hopscope::pipeline {
namespace {

/// How far behind a number may come when reports of one sender cross one worker, or several.
constexpr std::uint32_t kWindowAlone = 128;

/// Holes of a sender that has been silent for so long are settled.
constexpr std::uint32_t kSilenceS = 2;

/// Rows and buckets looked at per call of housekeep(), at most: it must not stall a batch.
constexpr std::uint32_t kSliceMax = 64;

std::uint32_t slice(std::uint32_t total, std::int64_t elapsed_ns, std::int64_t period_ns) noexcept {
  const auto due =
      static_cast<double>(total) * static_cast<double>(elapsed_ns) / static_cast<double>(period_ns);
  return static_cast<std::uint32_t>(std::min<double>(due + 1, kSliceMax));
}

}  // namespace

Tables::Tables(const TableOptions& tables, const EventOptions& events, const UnitTable& units,
               const HashSeed& seed, unsigned workers, EventBuffer& event_buffer,
               ChangeRouter& changes)
    : options_(events),
      table_options_(tables),
      seed_(seed),
      sequence_window_(workers > 1 ? kSequenceWindow : kWindowAlone),
      events_(event_buffer),
      ports_(tables, events.refresh_s, workers > 1, units, seed, changes),
      flows4_(std::max(1U, tables.flows_ipv4 / workers), tables, options_, units, event_buffer,
              ports_),
      flows6_(std::max(1U, tables.flows_ipv6 / workers), tables, options_, units, event_buffer,
              ports_),
      drops_(tables.drop_reasons),
      sequences_(tables.sequences),
      reader_(units) {}

Moment Tables::moment_of(const Report& report, const HopList& hops, std::int64_t time_ns) noexcept {
  Moment moment{
      .receive_time_ns = time_ns, .now_s = seconds_of(time_ns), .now_us = microseconds_of(time_ns)};
  if (hops.count > 0 && hops.hop[0].has_time) {
    moment.has_switch_time = true;
    moment.switch_time = hops.hop[0].time;
    moment.time_switch_id = hops.hop[0].switch_id;
  } else if (report.has_ingress_time) {
    moment.has_switch_time = true;
    moment.switch_time = report.ingress_time;
    moment.time_switch_id = report.node_id;
  }
  return moment;
}

std::uint64_t Tables::further_latency_ns(const Report& report) noexcept {
  std::uint64_t latency_ns = 0;
  Hop hop;
  for (std::uint32_t i = hops_.count; i < hops_.length; ++i) {
    reader_.read_further(report, hops_, i, hop);
    if (hop.latency == kNoLatency) continue;
    latency_ns += ports_.units_of(kNoSlot, hop.switch_id).latency_ns(hop.latency);
  }
  return latency_ns;
}

void Tables::apply_further(const Report& report, const Moment& moment) noexcept {
  Hop hop;
  for (std::uint32_t i = hops_.count; i < hops_.length; ++i) {
    reader_.read_further(report, hops_, i, hop);
    ports_.update(ports_.slot(hop.switch_id, hop.port), hop, moment);
  }
}

void Tables::apply(const Report& report, std::uint64_t flow_hash, std::int64_t time_ns) noexcept {
  reader_.read(report, hops_);
  const Moment moment = moment_of(report, hops_, time_ns);
  const bool is_longer = hops_.length > hops_.count;
  const std::uint64_t further_ns = is_longer ? further_latency_ns(report) : 0;
  FlowState<FlowKey4>::Slots slots;
  if (report.has_flow4) {
    flows4_.update(report.flow4, flow_hash, hops_, further_ns, report.dropped, moment, slots);
  } else if (report.has_flow6) {
    flows6_.update(report.flow6, flow_hash, hops_, further_ns, report.dropped, moment, slots);
  } else {
    for (std::uint32_t i = 0; i < hops_.count; ++i) {
      slots[i] = ports_.slot(hops_.hop[i].switch_id, hops_.hop[i].port);
    }
  }
  for (std::uint32_t i = 0; i < hops_.count; ++i) ports_.update(slots[i], hops_.hop[i], moment);
  if (is_longer) apply_further(report, moment);
  if (report.dropped) apply_drop(report, moment);
}

void Tables::apply_drop(const Report& report, const Moment& moment) noexcept {
  const Metadata& metadata = report.metadata;
  const bool has_reason = metadata.has(Field::kDrop);
  const std::uint32_t reason = has_reason ? metadata.drop_reason : 0;
  const std::uint32_t switch_id = report.has_node_id ? report.node_id : kNoSwitch;
  const std::uint32_t at =
      drops_.find_or_add(port_key(switch_id, reason), seed_, [&](DropRow& fresh) {
        fresh.switch_id = switch_id;
        fresh.reason = reason;
      });
  if (at != SlotIndex::kNone) {
    DropRow& row = drops_[at];
    const RowWriter writer(row.sequence);
    put(row.packets, row.packets + 1);
  }
  if (!options_.drop) return;
  Event* event = events_.claim(EventKind::kDrop, Measurement::kDropReason);
  if (event == nullptr) return;
  moment.stamp(*event);
  event->has_switch = report.has_node_id;
  event->switch_id = report.node_id;
  event->has_port = metadata.has(Field::kL1Ports);
  event->port = metadata.l1_egress_if;
  event->has_queue = has_reason;
  event->queue = metadata.drop_queue_id;
  event->new_value = reason;
  event->has_flow = report.has_flow4 || report.has_flow6;
  if (report.has_flow4) event->flow = widen(report.flow4);
  if (report.has_flow6) event->flow = widen(report.flow6);
}

void Tables::observe_sequence(const SequenceNumber& number) noexcept {
  FlowKey6 key{};
  key.source = number.source.bytes;
  std::memcpy(key.destination.data(), &number.switch_id, sizeof number.switch_id);
  key.protocol = number.hw_id;
  key.source_port = number.source.version;
  const std::uint32_t at =
      sequences_.find_or_add(hash_of(key, seed_), seed_, [&](SequenceRow& fresh) {
        fresh.source = number.source;
        fresh.switch_id = number.switch_id;
        fresh.hw_id = number.hw_id;
        fresh.bits = number.bits;
      });
  if (at == SlotIndex::kNone) return;
  SequenceRow& row = sequences_[at];
  const RowWriter writer(row.sequence);
  observe(row, number.number, sequence_window_, number.now_s);
}

void Tables::sweep_sequences(std::uint32_t rows, std::uint32_t now_s) noexcept {
  for (std::uint32_t i = 0; i < std::min(rows, sequences_.size()); ++i) {
    sequence_sweep_at_ = sequence_sweep_at_ + 1 < sequences_.size() ? sequence_sweep_at_ + 1 : 0;
    SequenceRow& row = sequences_[sequence_sweep_at_];
    if (row.oldest > row.newest || now_s - row.last_s < kSilenceS) continue;
    const RowWriter writer(row.sequence);
    settle(row);
  }
}

void Tables::settle_sequences() noexcept {
  for (std::uint32_t i = 0; i < sequences_.size(); ++i) {
    const RowWriter writer(sequences_[i].sequence);
    settle(sequences_[i]);
  }
}

void Tables::housekeep(std::int64_t now_ns) noexcept {
  if (swept_until_ns_ == 0 || now_ns < swept_until_ns_) swept_until_ns_ = now_ns;
  const std::int64_t elapsed_ns = now_ns - swept_until_ns_;
  if (elapsed_ns < 1'000'000) return;  // a millisecond is often enough
  swept_until_ns_ = now_ns;
  const std::uint32_t now_s = seconds_of(now_ns);
  const std::int64_t flow_period_ns =
      std::max<std::int64_t>(1, table_options_.idle_timeout_s / 4) * 1'000'000'000;
  constexpr std::int64_t kRowPeriodNs = 1'000'000'000;
  flows4_.table().sweep(slice(flows4_.table().bucket_count(), elapsed_ns, flow_period_ns), now_s);
  flows6_.table().sweep(slice(flows6_.table().bucket_count(), elapsed_ns, flow_period_ns), now_s);
  ports_.sweep(slice(ports_.ports().size() + ports_.queues().size(), elapsed_ns, kRowPeriodNs),
               now_s, now_ns);
  sweep_sequences(slice(sequences_.size(), elapsed_ns, kRowPeriodNs), now_s);
}

void Tables::publish_counts() noexcept {
  const auto set = [this](Table table, std::uint64_t entries, std::uint64_t refused) {
    published_.entries[static_cast<std::size_t>(table)].set(entries);
    published_.refused[static_cast<std::size_t>(table)].set(refused);
  };
  const auto set_flows = [&](Table table, const auto& statistics) {
    set(table, statistics.entries, statistics.refused);
    published_.evicted[static_cast<std::size_t>(table)].set(statistics.evicted);
    published_.expired[static_cast<std::size_t>(table)].set(statistics.expired);
  };
  set_flows(Table::kFlowIpv4, flows4_.table().statistics());
  set_flows(Table::kFlowIpv6, flows6_.table().statistics());
  set(Table::kPort, ports_.ports().size(), ports_.ports().refused());
  set(Table::kQueueOverflow, ports_.queues().size(), ports_.queues().refused());
  set(Table::kSwitch, ports_.switches().size(), ports_.switches().refused());
  set(Table::kSequence, sequences_.size(), sequences_.refused());
  set(Table::kDropReason, drops_.size(), drops_.refused());
}

void Tables::count_into(CounterSnapshot& counters) const noexcept {
  for (std::size_t i = 0; i < kCountOf<Table>; ++i) {
    counters.entries[i] = published_.entries[i].get();
    counters.refused[i] = published_.refused[i].get();
    counters.evicted[i] = published_.evicted[i].get();
    counters.expired[i] = published_.expired[i].get();
  }
}

}  // namespace hopscope::pipeline
