#include "model/model.h"

#include <algorithm>
#include <cmath>

namespace hopscope::test::model {

using pipeline::EventKind;
using pipeline::Measurement;
using pipeline::Report;

namespace {

constexpr std::size_t kKeptHops = 8;

std::uint64_t scale_of(double unit_s) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(unit_s * 1e9 * 65536)));
}

pipeline::ReportKind kind_of(const Report& report) {
  if (report.dropped) return pipeline::ReportKind::kDrop;
  if (report.tracked) return pipeline::ReportKind::kFlow;
  return report.congested ? pipeline::ReportKind::kQueue : pipeline::ReportKind::kOther;
}

}  // namespace

std::int64_t Ageing::at(std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  if (!now_ns_) {
    now_ns_ = shown_ns_ = time_ns;
  } else if (time_ns >= shown_ns_) {
    *now_ns_ += std::min(time_ns - shown_ns_, 32'000 * kSecond);
    shown_ns_ = time_ns;
    behind_ = 0;
  } else if (time_ns < shown_ns_ - kSecond && ++behind_ == 16) {
    shown_ns_ = time_ns;
    behind_ = 0;
  }
  return *now_ns_;
}

Model::Model(const pipeline::EngineOptions& options)
    : options_(options),
      decoder_(options.decode),
      flow_latency_(options.events.flow_latency, 1e-9),
      tx_(options.events.tx_utilization, 1),
      occupancy_(options.events.queue_occupancy, 1),
      congestion_(options.events.queue_congestion, 1),
      flows4_(options.tables.flows_ipv4, options.tables),
      flows6_(options.tables.flows_ipv6, options.tables),
      ports_(options.tables.ports),
      queues_(options.tables.queue_overflow),
      switch_rows_(options.tables.switches),
      decisions_(4 * options.tables.ports + 2 * options.tables.queue_overflow),
      drops_(options.tables.drop_reasons),
      senders_(options.tables.sequences),
      links_(options.tables.links) {
  std::map<std::string, int> clocks;
  const auto make = [&](const pipeline::SwitchProfile& profile) {
    Switch made{.scale = {.latency = scale_of(profile.latency_unit_s),
                          .time = scale_of(profile.time_unit_s)},
                .hop_latency = Rule(options.events.hop_latency, profile.latency_unit_s)};
    if (!profile.clock.empty()) {
      made.clock = clocks.emplace(profile.clock, static_cast<int>(clocks.size()) + 1).first->second;
    }
    return made;
  };
  default_switch_ = make(options.switches.defaults);
  for (const auto& [id, profile] : options.switches.by_id) switches_[id] = make(profile);
  has_clocks_ = !clocks.empty();
}

pipeline::Event* Model::claim(EventKind kind, Measurement measurement) {
  if (waiting_ == options_.queues.event_entries) {
    ++counters_.events_dropped;
    return nullptr;
  }
  ++waiting_;
  ++counters_.events[static_cast<std::size_t>(kind)];
  pipeline::Event& event = events_.emplace_back();
  event.kind = kind;
  event.measurement = measurement;
  return &event;
}

void Model::take(std::span<const std::uint8_t> frame, std::int64_t time_ns) {
  newest_ = {.receive_ns = time_ns, .now_ns = ageing_.at(time_ns)};
  housekeep(newest_);
  ++counters_.frames;
  counters_.bytes += frame.size();
  pipeline::OuterHeaders outer;
  const pipeline::DecodeError error = decoder_.outer(frame, outer);
  if (error != pipeline::DecodeError::kNone) {
    count_error(error);
    ++counters_.dropped[static_cast<std::size_t>(error)];
    return;
  }
  take_reports(outer, newest_);
}

void Model::take_reports(const pipeline::OuterHeaders& outer, const Time& time) {
  pipeline::ReportReader reader = decoder_.reports(outer);
  Report report;
  std::uint64_t reports = 0;
  while (reader.next(report)) {
    if (report.is_skipped()) {
      count_error(report.error);
      continue;
    }
    // A datagram has one number, however many reports are in it.
    if (reports++ == 0 && !outer.data_packet) note_sequence(report, outer, time);
    count(report);
    apply(report, time);
  }
  const pipeline::DecodeError error = reader.error();
  if (error != pipeline::DecodeError::kNone) count_error(error);
  if (reports == 0 && rejects(error)) {
    ++counters_.dropped[static_cast<std::size_t>(error)];
    return;
  }
  ++counters_.decoded;
  if (outer.ipv4_checksum_wrong) ++counters_.ipv4_checksum_wrong;
  if (outer.udp_checksum_wrong) ++counters_.udp_checksum_wrong;
}

void Model::count(const Report& report) {
  ++counters_.reports;
  counters_.hops += report.stack.hop_count;
  ++counters_.reports_by[report.version][static_cast<std::size_t>(kind_of(report))];
  if (report.error != pipeline::DecodeError::kNone) count_error(report.error);
}

void Model::apply(const Report& report, const Time& time) {
  const Hops hops = hops_of(report, [this](std::uint32_t id) { return switch_of(id).scale; });
  Moment moment{.time = time, .weight = report.weight};
  if (!hops.all.empty() && hops.all.front().time) {
    moment.switch_time = hops.all.front().time;
    moment.time_switch_id = hops.all.front().switch_id;
  } else if (report.has_ingress_time) {
    moment.switch_time = report.ingress_time;
    moment.time_switch_id = report.node_id;
  }
  // Rows of the ports that a record would keep are found before anything is said of them.
  std::vector<Port*> rows;
  const auto timed_ns = time_hops(report, hops, moment);
  for (std::size_t i = 0; i < std::min(hops.all.size(), kKeptHops); ++i) {
    rows.push_back(port_row(hops.all[i], time.now_s()));
  }
  if (report.has_flow4 || report.has_flow6) apply_flow(report, hops, timed_ns, moment);
  for (std::size_t i = 0; i < hops.all.size(); ++i) {
    if (i >= kKeptHops) rows.push_back(port_row(hops.all[i], time.now_s()));
    apply_port(rows[i], hops.all[i], moment);
  }
  if (report.dropped) apply_drop(report, moment);
}

void Model::apply_drop(const Report& report, const Moment& moment) {
  const bool has_reason = report.metadata.has(pipeline::Field::kDrop);
  const std::uint32_t reason = has_reason ? report.metadata.drop_reason : pipeline::kNoReason;
  const std::uint32_t switch_id = report.has_node_id ? report.node_id : pipeline::kNoSwitch;
  const std::uint32_t now_s = moment.time.now_s();
  Drops* row = drops_.find_or_add({switch_id, reason},
                                  [&](const Drops& old) { return is_idle(old.last_s, now_s); });
  if (row != nullptr) {
    row->last_s = now_s;
    row->packets += moment.weight;
  }
  if (!options_.events.drop) return;
  pipeline::Event* event = claim(EventKind::kDrop, Measurement::kDropReason);
  if (event == nullptr) return;
  stamp(*event, moment);
  event->has_switch = report.has_node_id;
  event->switch_id = report.node_id;
  event->has_port = report.metadata.has(pipeline::Field::kL1Ports);
  event->port = report.metadata.l1_egress_if;
  event->has_queue = has_reason;
  event->queue = report.metadata.drop_queue_id;
  event->new_value = reason;
  event->has_flow = report.has_flow4 || report.has_flow6;
  if (report.has_flow4) event->flow = widen(report.flow4);
  if (report.has_flow6) event->flow = widen(report.flow6);
}

void Model::stamp(pipeline::Event& event, const Moment& moment) {
  event.receive_time_ns = moment.time.receive_ns;
  event.has_switch_time = moment.switch_time.has_value();
  event.switch_time = moment.switch_time.value_or(0);
  event.time_switch_id = moment.time_switch_id;
}

void Model::housekeep(const Time& time) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  constexpr double kSecond = 1e9;
  if (!swept_until_ns_) swept_until_ns_ = time.now_ns;
  const std::int64_t passed_ns = time.now_ns - *swept_until_ns_;
  if (passed_ns < kMillisecond) return;
  swept_until_ns_ = time.now_ns;
  // Flows are looked at four times within the idle timeout, the rest once a second: of `rows` as
  // large a part as of the period has passed, and one row more.
  const auto due = [&](std::uint32_t rows, double period_ns) {
    const double part = std::min(1.0, static_cast<double>(passed_ns) / period_ns);
    return static_cast<std::uint32_t>(part * rows + 1);
  };
  const double flow_period_ns = std::max(1U, options_.tables.idle_timeout_s / 4) * kSecond;
  const std::uint32_t ports = due(ports_.end() + queues_.end(), kSecond);
  const std::uint32_t senders = due(senders_.end(), kSecond);
  const std::uint32_t links = due(links_.end(), kSecond);
  flows4_.sweep(due(flows4_.bucket_count(), flow_period_ns), time.now_s());
  flows6_.sweep(due(flows6_.bucket_count(), flow_period_ns), time.now_s());
  sweep_ports(ports, time);
  sweep_links(links, time.now_s());
  sweep_senders(senders, time);
}

void Model::finish() {
  for (std::uint32_t i = 0; i < senders_.end(); ++i) {
    Sender* sender = senders_.at(i);
    if (sender == nullptr) continue;
    sender->sequence.settle();
    sender->last_event_s = 0;
    tell_loss(senders_.key(i), *sender, newest_);
  }
}

void Model::note_sequence(const Report& report, const pipeline::OuterHeaders& outer,
                          const Time& time) {
  // A 0.5 report may leave its node out and yet goes on counting: there the node does not count.
  const bool by_node = report.has_node_id && report.version != 0;
  const SenderId id{outer.source, by_node ? report.node_id : pipeline::kNoSwitch, report.hw_id};
  Sender* sender = senders_.find_or_add(
      id, [&](const Sender& old) { return is_idle(old.last_s, time.now_s()); });
  if (sender == nullptr) return;
  if (sender->sequence.received == 0) sender->sequence.bits = report.sequence_bits;
  sender->sequence.observe(report.sequence);
  sender->last_s = time.now_s();
  sender->versions = static_cast<std::uint8_t>(sender->versions | 1U << report.version);
  sender->deviations =
      static_cast<pipeline::DeviationMask>(sender->deviations | deviations_of(outer, report));
  tell_loss(id, *sender, time);
}

void Model::tell_loss(const SenderId& id, Sender& sender, const Time& time) {
  const std::uint64_t missing = sender.sequence.missing;
  if (!options_.events.report_loss || missing == sender.told) return;
  if (sender.last_event_s == time.now_s()) return;  // one a second
  pipeline::Event* event = claim(EventKind::kReportLoss, Measurement::kMissingReports);
  if (event == nullptr) return;
  const auto& [source, switch_id, hw_id] = id;
  event->receive_time_ns = time.receive_ns;
  event->has_sender = true;
  event->flow.source = source;
  event->hw_id = hw_id;
  event->has_switch = switch_id != pipeline::kNoSwitch;
  event->switch_id = switch_id;
  event->has_old = true;
  event->old_value = sender.told;
  event->new_value = missing;
  sender.told = missing;
  sender.last_event_s = time.now_s();
}

void Model::sweep_senders(std::uint32_t rows, const Time& time) {
  constexpr std::uint32_t kSilenceS = 2;
  for (rows = std::min(rows, senders_.end()); rows > 0; --rows) {
    const std::uint32_t at = sender_walk_.next(senders_.end());
    Sender* sender = senders_.at(at);
    if (sender == nullptr || time.now_s() - sender->last_s < kSilenceS) continue;
    sender->sequence.settle();
    tell_loss(senders_.key(at), *sender, time);
  }
}

std::optional<std::uint64_t> Model::clock_ns(const Hop& from,
                                             std::optional<std::uint64_t> from_time, const Hop& to,
                                             std::optional<std::uint64_t> to_time) const {
  const Switch& a = switch_of(from.switch_id);
  const Switch& b = switch_of(to.switch_id);
  const bool agree = a.clock != 0 && a.clock == b.clock && a.scale.time == b.scale.time;
  if (!agree || from.wide != to.wide || !from_time || !to_time) return std::nullopt;
  const auto ticks = ticks_between(*from_time, *to_time, to.wide);
  return ticks ? std::optional(a.scale.time_ns(*ticks)) : std::nullopt;
}

std::optional<std::uint64_t> Model::time_hops(const Report& report, const Hops& hops,
                                              const Moment& moment) {
  if (!has_clocks_ || hops.postcard || hops.all.empty()) return std::nullopt;
  const std::size_t kept = std::min(hops.all.size(), kKeptHops);
  for (std::size_t i = 0; i + 1 < kept; ++i) {
    const Hop& to = hops.all[i];
    const Hop& from = hops.all[i + 1];
    const auto latency_ns = clock_ns(from, from.egress, to, to.ingress);
    if (!latency_ns) continue;
    const std::uint32_t now_s = moment.time.now_s();
    Link* link = links_.find_or_add({{from.switch_id, from.port}, {to.switch_id, to.ingress_port}},
                                    [&](const Link& old) { return is_idle(old.last_s, now_s); });
    if (link == nullptr) continue;
    *link = {.last_s = now_s, .latency_ns = *latency_ns, .last_seen_ns = moment.time.receive_ns};
  }
  // Only a stack that surely is whole begins at the source and ends at the sink.
  const pipeline::IntStack& stack = report.stack;
  const unsigned exceeded_bit = stack.version == pipeline::IntVersion::k2x ? 0x04 : 0x01;
  const bool has_header = stack.version == pipeline::IntVersion::k05 ||
                          stack.version == pipeline::IntVersion::k10 ||
                          stack.version == pipeline::IntVersion::k2x;
  const bool exceeded = has_header && (stack.header[0] & exceeded_bit) != 0;
  const Hop& sink = hops.all.front();
  const Hop& source = hops.all.back();
  const bool is_other = report.has_node_id && report.node_id != sink.switch_id;
  if (report.error != pipeline::DecodeError::kNone || report.intermediate || exceeded || is_other) {
    return std::nullopt;
  }
  return clock_ns(source, source.ingress, sink, sink.egress);
}

void Model::sweep_links(std::uint32_t rows, std::uint32_t now_s) {
  for (rows = std::min(rows, links_.end()); rows > 0; --rows) {
    const std::uint32_t at = link_walk_.next(links_.end());
    const Link* link = links_.at(at);
    if (link != nullptr && is_idle(link->last_s, now_s)) links_.erase(at);
  }
}

pipeline::CounterSnapshot Model::counters(std::size_t /*worker*/) const {
  pipeline::CounterSnapshot counters = counters_;
  const auto set_flows = [&](pipeline::Table table, const Flows& flows) {
    const auto i = static_cast<std::size_t>(table);
    counters.entries[i] = flows.all().size();
    counters.refused[i] = flows.refused;
    counters.evicted[i] = flows.evicted;
    counters.expired[i] = flows.expired;
  };
  const auto set_rows = [&](pipeline::Table table, const auto& rows) {
    const auto i = static_cast<std::size_t>(table);
    counters.entries[i] = rows.entries();
    counters.refused[i] = rows.refused();
    counters.expired[i] = rows.expired();
  };
  set_flows(pipeline::Table::kFlowIpv4, flows4_);
  set_flows(pipeline::Table::kFlowIpv6, flows6_);
  set_rows(pipeline::Table::kPort, ports_);
  set_rows(pipeline::Table::kQueueOverflow, queues_);
  set_rows(pipeline::Table::kSwitch, switch_rows_);
  set_rows(pipeline::Table::kSequence, senders_);
  set_rows(pipeline::Table::kLink, links_);
  set_rows(pipeline::Table::kDropReason, drops_);
  return counters;
}

void Model::for_each_drop(const std::function<void(const pipeline::DropSnapshot&)>& visit) const {
  drops_.for_each([&](const auto& key, const Drops& row) {
    visit({.switch_id = key.first, .reason = key.second, .packets = row.packets});
  });
}

void Model::for_each_sequence(
    const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const {
  senders_.for_each([&](const SenderId& id, const Sender& sender) {
    const auto& [source, switch_id, hw_id] = id;
    visit({.source = source,
           .switch_id = switch_id,
           .hw_id = hw_id,
           .received = sender.sequence.received,
           .missing = sender.sequence.missing,
           .late = sender.sequence.late,
           .duplicates = sender.sequence.duplicates,
           .restarts = sender.sequence.restarts,
           .versions = sender.versions,
           .deviations = sender.deviations,
           .constant = sender.sequence.constant});
  });
}

void Model::for_each_link(const std::function<void(const pipeline::LinkSnapshot&)>& visit) const {
  links_.for_each([&](const LinkId& id, const Link& link) {
    visit({.from = id.first,
           .to = id.second,
           .latency_ns = link.latency_ns,
           .last_seen_ns = link.last_seen_ns});
  });
}

}  // namespace hopscope::test::model
