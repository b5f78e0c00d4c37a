// The flows of the model.

#include <algorithm>

#include "model/model.h"

namespace hopscope::test::model {

using pipeline::EventKind;
using pipeline::Measurement;

namespace {

constexpr std::size_t kKept = 8;

/// The hops of a report that a flow keeps: those nearest to the sink.
std::size_t kept(const Hops& hops) {
  return std::min(hops.all.size(), kKept);
}

/// From source to sink.
pipeline::Path path_of(const Flow& flow) {
  pipeline::Path path;
  path.count = static_cast<std::uint8_t>(flow.hops.size());
  path.longer = flow.longer;
  for (std::size_t i = 0; i < flow.hops.size(); ++i) {
    path.switch_id[i] = flow.hops[flow.hops.size() - 1 - i].switch_id;
  }
  return path;
}

bool is_path(const Flow& flow, const Hops& hops) {
  if (!flow.has_path() || flow.length != hops.all.size()) return false;
  for (std::size_t i = 0; i < flow.hops.size(); ++i) {
    // Of ports the low half tells.
    if (flow.hops[i].switch_id != hops.all[i].switch_id ||
        (flow.hops[i].port & 0xFFFF) != (hops.all[i].port & 0xFFFF)) {
      return false;
    }
  }
  return true;
}

void take_path(Flow& flow, const Hops& hops) {
  flow.length = hops.all.size();
  flow.longer = hops.all.size() > kKept;
  flow.postcards = false;
  flow.hops.clear();
  for (std::size_t i = 0; i < kept(hops); ++i) {
    flow.hops.push_back({.switch_id = hops.all[i].switch_id, .port = hops.all[i].port});
  }
}

}  // namespace

pipeline::Event* Model::claim(const Key& key, Flow& flow, EventKind kind, Measurement measurement,
                              const Moment& moment) {
  pipeline::Event* event = claim(kind, measurement);
  if (event == nullptr) return nullptr;
  event->has_flow = true;
  event->flow = key;
  stamp(*event, moment);
  flow.last_event_s = moment.time.now_s();
  return event;
}

void Model::apply_flow(const pipeline::Report& report, const Hops& hops, Nanoseconds timed_ns,
                       const Moment& moment) {
  const Key key = report.has_flow4 ? widen(report.flow4) : widen(report.flow6);
  Flows& flows = report.has_flow4 ? flows4_ : flows6_;
  const std::uint64_t hash = report.has_flow4 ? hash_of(report.flow4, options_.seed)
                                              : hash_of(report.flow6, options_.seed);
  Flow* found = flows.find_or_add(key, hash, moment.time.now_s());
  if (found == nullptr) return;
  Flow& flow = *found;
  flow.reports += moment.weight;
  flow.last_seen_ns = moment.time.receive_ns;
  if (report.dropped) flow.drops += moment.weight;
  if (!hops.all.empty() && !hops.postcard) {
    follow_stack(key, flow, hops, timed_ns, moment);
  } else if (!hops.all.empty() && !report.dropped) {
    follow_postcard(key, flow, hops.all.front(), moment);
  }  // else: where a packet ended does not tell which way the flow takes
  if (!flow.announced) announce(key, flow, moment);
  if (options_.events.refresh_s != 0) refresh(key, flow, moment);
}

void Model::follow_stack(const Key& key, Flow& flow, const Hops& hops, Nanoseconds timed_ns,
                         const Moment& moment) {
  const bool followed = follow_path(key, flow, hops, moment);
  Nanoseconds sum_ns;
  for (std::size_t i = 0; i < hops.all.size(); ++i) {
    const Hop& hop = hops.all[i];
    if (followed && i < kKept) set_hop_latency(key, flow, flow.hops[i], hop.latency, moment);
    if (!hop.latency) continue;
    sum_ns = sum_ns.value_or(0) + switch_of(hop.switch_id).scale.latency_ns(*hop.latency);
  }
  flow.timed = timed_ns.has_value();
  set_flow_latency(key, flow, timed_ns ? timed_ns : sum_ns, moment);
}

bool Model::follow_path(const Key& key, Flow& flow, const Hops& hops, const Moment& moment) {
  if (is_path(flow, hops)) return true;
  if (flow.has_path()) {
    if (options_.events.path_change) {
      pipeline::Event* event = claim(key, flow, EventKind::kPathChange, Measurement::kFlow, moment);
      if (event == nullptr) return false;  // seen again on the next report
      Flow next;
      take_path(next, hops);
      event->has_old = true;
      event->old_path = path_of(flow);
      event->new_path = path_of(next);
    }
    ++flow.path_changes;
  }
  take_path(flow, hops);
  return true;
}

void Model::follow_postcard(const Key& key, Flow& flow, const Hop& hop, const Moment& moment) {
  auto known = std::find_if(flow.hops.begin(), flow.hops.end(),
                            [&](const FlowHop& at) { return at.switch_id == hop.switch_id; });
  if (known == flow.hops.end()) {
    if (flow.has_path()) return;  // a stack has said which hops there are
    if (flow.hops.size() == kKept) {
      flow.longer = true;
      return;
    }
    flow.hops.push_back({.switch_id = hop.switch_id, .port = hop.port});
    known = flow.hops.end() - 1;
    flow.length = flow.hops.size();
    flow.postcards = true;
  }
  if (!flow.has_path()) known->port = hop.port;
  if (!hop.latency) return;
  set_hop_latency(key, flow, *known, hop.latency, moment);
  // Of a path that is not kept whole, or was timed, one hop more does not tell the latency.
  if (flow.has_path() && (flow.longer || flow.timed)) return;
  std::uint64_t sum_ns = 0;
  for (const FlowHop& at : flow.hops) {
    if (at.latency) sum_ns += switch_of(at.switch_id).scale.latency_ns(*at.latency);
  }
  set_flow_latency(key, flow, sum_ns, moment);
}

void Model::set_hop_latency(const Key& key, Flow& flow, FlowHop& hop,
                            std::optional<std::uint32_t> latency, const Moment& moment) {
  const std::optional<std::uint32_t> old = hop.latency;
  hop.latency = latency;
  if (!latency) return;
  const Rule& rule = switch_of(hop.switch_id).hop_latency;
  if (!hop.interval) {
    hop.interval = rule.index(*latency);
  } else if (rule.left(*latency, *hop.interval)) {
    pipeline::Event* event =
        claim(key, flow, EventKind::kValueMoved, Measurement::kHopLatency, moment);
    if (event == nullptr) return;
    event->has_switch = true;
    event->switch_id = hop.switch_id;
    event->has_old = old.has_value();
    event->old_value = old.value_or(0);
    event->new_value = *latency;
    hop.interval = rule.index(*latency);
  }
}

void Model::set_flow_latency(const Key& key, Flow& flow, Nanoseconds latency_ns,
                             const Moment& moment) {
  flow.has_latency = latency_ns.has_value();
  if (!latency_ns) return;
  const std::uint64_t old_ns = flow.latency_ns;
  flow.latency_ns = *latency_ns;
  if (!flow.interval) {
    flow.interval = flow_latency_.index(*latency_ns);
  } else if (flow_latency_.left(*latency_ns, *flow.interval)) {
    pipeline::Event* event =
        claim(key, flow, EventKind::kValueMoved, Measurement::kFlowLatency, moment);
    if (event == nullptr) return;
    event->has_old = true;
    event->timed = flow.timed;
    event->old_value = old_ns;
    event->new_value = *latency_ns;
    flow.interval = flow_latency_.index(*latency_ns);
  }
}

void Model::announce(const Key& key, Flow& flow, const Moment& moment) {
  if (options_.events.new_key) {
    pipeline::Event* event = claim(key, flow, EventKind::kNewKey, Measurement::kFlow, moment);
    if (event == nullptr) return;  // tried again on the next report
    if (!flow.postcards) event->new_path = path_of(flow);
  }
  flow.announced = true;
}

void Model::refresh(const Key& key, Flow& flow, const Moment& moment) {
  const std::uint32_t now_s = moment.time.now_s();
  if (!flow.last_event_s) flow.last_event_s = now_s;
  if (now_s - *flow.last_event_s < options_.events.refresh_s) return;
  pipeline::Event* event =
      claim(key, flow, EventKind::kRefresh,
            flow.has_latency ? Measurement::kFlowLatency : Measurement::kFlow, moment);
  if (event == nullptr) return;
  event->timed = flow.timed;
  if (flow.has_latency) event->new_value = flow.latency_ns;
}

void Model::for_each_flow(const std::function<void(const pipeline::FlowSnapshot&)>& visit) const {
  pipeline::FlowRef place = 0;
  for (const Flows* flows : {&flows4_, &flows6_}) {
    for (const auto& [key, flow] : flows->all()) {
      pipeline::FlowSnapshot snapshot;
      snapshot.place = place++;
      snapshot.key = key;
      snapshot.reports = flow.reports;
      snapshot.drops = flow.drops;
      snapshot.path_changes = flow.path_changes;
      snapshot.last_seen_ns = flow.last_seen_ns;
      snapshot.has_latency = flow.has_latency;
      snapshot.latency_ns = flow.latency_ns;
      snapshot.timed = flow.timed;
      snapshot.postcards = flow.postcards;
      snapshot.longer = flow.longer;
      snapshot.hop_count = static_cast<std::uint8_t>(flow.hops.size());
      for (std::size_t i = 0; i < flow.hops.size(); ++i) {
        const FlowHop& hop = flow.hops[flow.postcards ? i : flow.hops.size() - 1 - i];
        snapshot.hops[i] = {.switch_id = hop.switch_id,
                            .egress_port = hop.port,
                            .has_latency = hop.latency.has_value(),
                            .latency = hop.latency.value_or(0)};
      }
      visit(snapshot);
    }
  }
}

bool Model::read_flow(pipeline::FlowRef place, pipeline::FlowSnapshot& flow) const {
  bool found = false;
  for_each_flow([&](const pipeline::FlowSnapshot& one) {
    if (one.place != place) return;
    flow = one;
    found = true;
  });
  return found;
}

}  // namespace hopscope::test::model
