#include "pipeline/tables/tables.h"

#include <algorithm>

#include "pipeline/tables/clocks.h"

namespace hopscope::pipeline {
namespace {

/// How far behind a number may come when reports of one sender cross one worker, or several.
constexpr std::uint32_t kWindowAlone = 128;

/// Holes of a sender that has been silent for so long are settled.
constexpr std::uint32_t kSilenceS = 2;

/// How many of `total` are due after `elapsed_ns` when all of them are once in `period_ns`.
double due(std::uint32_t total, std::int64_t elapsed_ns, std::int64_t period_ns) noexcept {
  const auto part = static_cast<double>(elapsed_ns) / static_cast<double>(period_ns);
  return std::min(1.0, part) * static_cast<double>(total) + 1;
}

std::uint32_t slice(double due_rows, double share) noexcept {
  return static_cast<std::uint32_t>(due_rows * share);
}

/// E: nodes behind the allowed number of hops have left theirs out.
bool hops_exceeded(const IntStack& stack) noexcept {
  if (stack.version == IntVersion::k2x) return (stack.header[0] & 0x04) != 0;
  const bool is_old = stack.version == IntVersion::k05 || stack.version == IntVersion::k10;
  return is_old && (stack.header[0] & 0x01) != 0;
}

ValueTimes times_kept(unsigned workers, bool exact) noexcept {
  if (workers == 1) return ValueTimes::kNone;
  return exact ? ValueTimes::kExact : ValueTimes::kTicks;
}

}  // namespace

Tables::Tables(const Context& context)
    : options_(context.events),
      table_options_(context.tables),
      units_(context.units),
      seed_(context.seed),
      sequence_window_(context.workers > 1 ? kSequenceWindow : kWindowAlone),
      events_(context.event_buffer),
      ports_(table_options_, options_.refresh_s, times_kept(context.workers, context.exact_times),
             units_, seed_, context.changes),
      flows4_(std::max(1U, table_options_.flows_ipv4 / context.workers), table_options_, options_,
              units_, events_, ports_),
      flows6_(std::max(1U, table_options_.flows_ipv6 / context.workers), table_options_, options_,
              units_, events_, ports_),
      drops_(table_options_.drop_reasons),
      sequences_(table_options_.sequences),
      formats_(table_options_.formats, table_options_, options_, context.formats, seed_, events_),
      links_(units_.has_clocks() ? table_options_.links : 1),
      reader_(units_) {}

Moment Tables::moment_of(const Report& report, const Hop* sink, const FrameTime& time) noexcept {
  Moment moment{.weight = report.weight,
                .receive_time_ns = time.receive_ns,
                .now_ns = time.now_ns,
                .now_s = seconds_of(time.now_ns),
                .value_stamp = stamp_of(time.now_ns)};
  if (sink != nullptr && sink->has_time) {
    moment.has_switch_time = true;
    moment.switch_time = sink->time;
    moment.time_switch_id = sink->switch_id;
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
  HopTimes times;
  for (std::uint32_t i = hops_.count; i < hops_.length; ++i) {
    reader_.read_further(report, hops_, i, hop, times);
    if (hop.latency == kNoLatency) continue;
    latency_ns += ports_.units_of(kNoSlot, hop.switch_id).latency_ns(hop.latency);
  }
  return latency_ns;
}

void Tables::apply_further(const Report& report, const Moment& moment) noexcept {
  Hop hop;
  HopTimes times;
  for (std::uint32_t i = hops_.count; i < hops_.length; ++i) {
    reader_.read_further(report, hops_, i, hop, times);
    ports_.update(ports_.slot(hop.switch_id, hop.port, moment.now_s), hop, moment);
  }
}

void Tables::apply(const Report& report, std::uint64_t flow_hash, const FrameTime& time) noexcept {
  reader_.read(report, hops_);
  const Moment moment = moment_of(report, hops_.count > 0 ? hops_.hop.data() : nullptr, time);
  if (units_.has_clocks() && !hops_.postcard && hops_.count > 0) time_hops(report, moment);
  const bool is_longer = hops_.length > hops_.count;
  const std::uint64_t further_ns = is_longer ? further_latency_ns(report) : 0;
  FlowState<FlowKey4>::Slots slots;
  if (report.has_flow4) {
    flows4_.update(report.flow4, flow_hash, hops_, further_ns, report.dropped, moment, slots);
  } else if (report.has_flow6) {
    flows6_.update(report.flow6, flow_hash, hops_, further_ns, report.dropped, moment, slots);
  } else {
    for (std::uint32_t i = 0; i < hops_.count; ++i) {
      slots[i] = ports_.slot(hops_.hop[i].switch_id, hops_.hop[i].port, moment.now_s);
    }
  }
  for (std::uint32_t i = 0; i < hops_.count; ++i) ports_.update(slots[i], hops_.hop[i], moment);
  if (is_longer) apply_further(report, moment);
  if (report.dropped) apply_drop(report, moment);
}

Moment Tables::moment_of(const Report& report, const FrameTime& time) noexcept {
  Hop sink;
  reader_.read_one(report.stack, 0, sink);
  return moment_of(report, &sink, time);
}

void Tables::apply_hop(const Report& report, std::uint32_t hop, std::uint32_t slot,
                       const Moment& moment) noexcept {
  Hop one;
  reader_.read_one(report.stack, hop, one);
  ports_.update(slot, one, moment);
}

void Tables::time_hops(const Report& report, const Moment& moment) noexcept {
  const HopTimes& sink = hops_.times[0];
  Hop further;
  HopTimes further_times;
  const bool is_whole = hops_.length == hops_.count;
  if (!is_whole) {
    reader_.read_further(report, hops_, hops_.length - 1, further, further_times);
  }
  const HopTimes& source = is_whole ? hops_.times[hops_.count - 1] : further_times;
  const std::optional<std::uint64_t> latency_ns = flow_latency_ns(source, sink, units_);
  // Without the source's hop there is no source's ingress, without the sink's no sink's egress.
  const bool is_cut = report.error != DecodeError::kNone || report.intermediate ||
                      hops_exceeded(report.stack) ||
                      (report.has_node_id && report.node_id != hops_.hop[0].switch_id);
  hops_.timed = latency_ns.has_value() && !is_cut;
  hops_.timed_ns = latency_ns.value_or(0);
  for (std::uint32_t i = 0; i + 1 < hops_.count; ++i) {
    const auto link_ns = link_latency_ns(hops_.times[i + 1], hops_.times[i], units_);
    if (link_ns) set_link(i + 1, i, *link_ns, moment);
  }
}

void Tables::set_link(std::uint32_t from_hop, std::uint32_t to_hop, std::uint64_t latency_ns,
                      const Moment& moment) noexcept {
  const Hop& from = hops_.hop[from_hop];
  const Hop& to = hops_.hop[to_hop];
  const std::uint32_t to_port = hops_.times[to_hop].ingress_port;
  const std::uint64_t key = multiply_fold(port_key(from.switch_id, from.port) ^ seed_.a,
                                          port_key(to.switch_id, to_port) ^ seed_.b);
  const std::uint32_t at = links_.find_or_add(
      key, seed_,
      [&](LinkRow& fresh) {
        fresh.from_switch = from.switch_id;
        fresh.from_port = from.port;
        fresh.to_switch = to.switch_id;
        fresh.to_port = to_port;
      },
      [&](const LinkRow& row) { return is_silent(row.last_s, moment.now_s); });
  if (at == SlotIndex::kNone) return;
  LinkRow& row = links_[at];
  const RowWriter writer(row.sequence);
  put(row.last_s, moment.now_s);
  put(row.latency_ns, latency_ns);
  put(row.last_seen_ns, moment.receive_time_ns);
}

void Tables::sweep_links(std::uint32_t rows, std::uint32_t now_s) noexcept {
  const std::uint32_t end = links_.used_end();
  for (std::uint32_t i = 0; i < std::min(rows, end); ++i) {
    link_sweep_at_ = link_sweep_at_ + 1 < end ? link_sweep_at_ + 1 : 0;
    const LinkRow& row = links_[link_sweep_at_];
    if (row.last_seen_ns != 0 && is_silent(row.last_s, now_s)) links_.erase(link_sweep_at_, seed_);
  }
}

void Tables::apply_drop(const Report& report, const Moment& moment) noexcept {
  const Metadata& metadata = report.metadata;
  const bool has_reason = metadata.has(Field::kDrop);
  const std::uint32_t reason = has_reason ? metadata.drop_reason : kNoReason;
  const std::uint32_t switch_id = report.has_node_id ? report.node_id : kNoSwitch;
  const std::uint32_t at = drops_.find_or_add(
      port_key(switch_id, reason), seed_,
      [&](DropRow& fresh) {
        fresh.switch_id = switch_id;
        fresh.reason = reason;
      },
      [&](const DropRow& row) { return is_silent(row.last_s, moment.now_s); });
  if (at != SlotIndex::kNone) {
    DropRow& row = drops_[at];
    const RowWriter writer(row.sequence);
    put(row.last_s, moment.now_s);
    put(row.packets, row.packets + report.weight);
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

std::uint32_t Tables::sequence_row(const SequenceNumber& number) noexcept {
  const std::uint32_t now_s = seconds_of(number.time.now_ns);
  FlowKey6 key{};
  key.source = number.source.bytes;
  std::memcpy(key.destination.data(), &number.switch_id, sizeof number.switch_id);
  key.protocol = number.hw_id;
  key.source_port = number.source.version;
  return sequences_.find_or_add(
      hash_of(key, seed_), seed_,
      [&](SequenceRow& fresh) {
        // The row may have been another sender's.
        recent_senders_.clear();
        fresh.source = number.source;
        fresh.switch_id = number.switch_id;
        fresh.hw_id = number.hw_id;
        fresh.bits = number.bits;
      },
      [&](const SequenceRow& row) { return is_silent(row.last_s, now_s); });
}

void Tables::observe_sequence(const SequenceNumber& number) noexcept {
  const std::uint32_t now_s = seconds_of(number.time.now_ns);
  const SenderWords sender = number.sender();
  std::uint32_t at = recent_senders_.row_of(sender);
  if (at == SlotIndex::kNone) {
    at = sequence_row(number);
    if (at == SlotIndex::kNone) return;
    recent_senders_.add(sender, at);
  }
  SequenceRow& row = sequences_[at];
  const RowWriter writer(row.sequence);
  observe(row, number.number, sequence_window_, now_s);
  const auto versions = static_cast<std::uint8_t>(row.versions | 1U << number.version);
  const auto deviations = static_cast<DeviationMask>(row.deviations | number.deviations);
  if (versions != row.versions) put(row.versions, versions);
  if (deviations != row.deviations) put(row.deviations, deviations);
  if (row.missing != row.told) tell_loss(row, number.time);
}

/// At most one event a second per sender; what went missing meanwhile is in the next one.
void Tables::tell_loss(SequenceRow& row, const FrameTime& time) noexcept {
  const std::uint32_t now_s = seconds_of(time.now_ns);
  if (!options_.report_loss) {
    // Nobody waits for it.
    if (row.missing != row.told) put(row.told, row.missing);
    return;
  }
  if (row.missing == row.told || row.last_event_s == now_s) return;
  Event* event = events_.claim(EventKind::kReportLoss, Measurement::kMissingReports);
  if (event == nullptr) return;
  event->receive_time_ns = time.receive_ns;
  event->has_sender = true;
  event->flow.source = row.source;
  event->hw_id = row.hw_id;
  event->has_switch = row.switch_id != kNoSwitch;
  event->switch_id = row.switch_id;
  event->has_old = true;
  event->old_value = row.told;
  event->new_value = row.missing;
  put(row.told, row.missing);
  put(row.last_event_s, now_s);
}

void Tables::sweep_sequences(std::uint32_t rows, const FrameTime& time) noexcept {
  const std::uint32_t now_s = seconds_of(time.now_ns);
  for (std::uint32_t i = 0; i < std::min(rows, sequences_.used_end()); ++i) {
    sequence_sweep_at_ =
        sequence_sweep_at_ + 1 < sequences_.used_end() ? sequence_sweep_at_ + 1 : 0;
    SequenceRow& row = sequences_[sequence_sweep_at_];
    const bool is_settled = row.oldest > row.newest && row.missing == row.told;
    if (is_settled || !has_passed(row.last_s, now_s, kSilenceS)) continue;
    const RowWriter writer(row.sequence);
    settle(row);
    tell_loss(row, time);
  }
}

void Tables::settle_sequences(const FrameTime& time) noexcept {
  for (std::uint32_t i = 0; i < sequences_.used_end(); ++i) {
    const RowWriter writer(sequences_[i].sequence);
    settle(sequences_[i]);
    put(sequences_[i].last_event_s, 0);
    tell_loss(sequences_[i], time);
  }
}

bool Tables::is_silent(std::uint32_t last_s, std::uint32_t now_s) const noexcept {
  return has_passed(last_s, now_s, table_options_.idle_timeout_s);
}

void Tables::housekeep(const FrameTime& time, std::uint32_t most) noexcept {
  if (swept_until_ns_ == 0) swept_until_ns_ = time.now_ns;
  const std::int64_t elapsed_ns = time.now_ns - swept_until_ns_;
  if (elapsed_ns < kHousekeepNs) return;
  const std::uint32_t now_s = seconds_of(time.now_ns);
  swept_s_ = std::max(swept_s_, now_s);
  const std::int64_t flow_period_ns =
      std::max<std::int64_t>(1, table_options_.idle_timeout_s / 4) * 1'000'000'000;
  constexpr std::int64_t kRowPeriodNs = 1'000'000'000;
  const double flows4 = due(flows4_.table().bucket_count(), elapsed_ns, flow_period_ns);
  const double flows6 = due(flows6_.table().bucket_count(), elapsed_ns, flow_period_ns);
  const double ports =
      due(ports_.ports().used_end() + ports_.queues().used_end(), elapsed_ns, kRowPeriodNs);
  const double links = due(links_.used_end(), elapsed_ns, kRowPeriodNs);
  const double formats = due(formats_.rows().used_end(), elapsed_ns, kRowPeriodNs);
  const double sequences = due(sequences_.used_end(), elapsed_ns, kRowPeriodNs);
  // Where more is due than may be done now, each gets its share and the rest stays due.
  const double all = flows4 + flows6 + ports + sequences + formats + links;
  const double share = std::min(1.0, static_cast<double>(most) / all);
  swept_until_ns_ +=
      share < 1 ? static_cast<std::int64_t>(static_cast<double>(elapsed_ns) * share) : elapsed_ns;
  flows4_.table().sweep(slice(flows4, share), now_s);
  flows6_.table().sweep(slice(flows6, share), now_s);
  ports_.sweep(slice(ports, share), time);
  formats_.sweep(slice(formats, share), now_s);
  sweep_links(slice(links, share), now_s);
  sweep_sequences(slice(sequences, share), time);
}

void Tables::publish_counts() noexcept {
  const auto set = [this](Table table, std::uint64_t entries, std::uint64_t refused,
                          std::uint64_t expired) {
    published_.entries[static_cast<std::size_t>(table)].set(entries);
    published_.refused[static_cast<std::size_t>(table)].set(refused);
    published_.expired[static_cast<std::size_t>(table)].set(expired);
  };
  const auto set_rows = [&](Table table, const auto& rows) {
    set(table, rows.entries(), rows.refused(), rows.expired());
  };
  const auto set_flows = [&](Table table, const auto& statistics) {
    set(table, statistics.entries, statistics.refused, statistics.expired);
    published_.evicted[static_cast<std::size_t>(table)].set(statistics.evicted);
  };
  set_flows(Table::kFlowIpv4, flows4_.table().statistics());
  set_flows(Table::kFlowIpv6, flows6_.table().statistics());
  set_rows(Table::kPort, ports_.ports());
  set_rows(Table::kQueueOverflow, ports_.queues());
  set_rows(Table::kSwitch, ports_.switches());
  set_rows(Table::kSequence, sequences_);
  set_rows(Table::kFormat, formats_.rows());
  set_rows(Table::kLink, links_);
  set_rows(Table::kDropReason, drops_);
}

void Tables::count_into(CounterSnapshot& counters) const noexcept {
  const auto set = [&](Table table, std::uint64_t capacity) {
    counters.capacity[static_cast<std::size_t>(table)] = capacity;
  };
  set(Table::kFlowIpv4, flows4_.table().capacity());
  set(Table::kFlowIpv6, flows6_.table().capacity());
  set(Table::kPort, ports_.ports().capacity());
  set(Table::kQueueOverflow, ports_.queues().capacity());
  set(Table::kSwitch, ports_.switches().capacity());
  set(Table::kSequence, sequences_.capacity());
  set(Table::kFormat, formats_.rows().capacity());
  set(Table::kLink, links_.capacity());
  set(Table::kDropReason, drops_.capacity());
  for (std::size_t i = 0; i < kCountOf<Table>; ++i) {
    counters.entries[i] = published_.entries[i].get();
    counters.refused[i] = published_.refused[i].get();
    counters.evicted[i] = published_.evicted[i].get();
    counters.expired[i] = published_.expired[i].get();
  }
}

}  // namespace hopscope::pipeline
