#include "pipeline/tables/flow_state.h"

#include <algorithm>

namespace hopscope::pipeline {
namespace {

/// The path from source to sink; records hold it the other way round.
template <typename Record>
Path path_of(const Record& record) noexcept {
  Path path;
  path.count = record.hop_count;
  path.longer = (record.flags & Record::kLonger) != 0;
  for (unsigned i = 0; i < record.hop_count; ++i) {
    path.switch_id[i] = record.switch_id[record.hop_count - 1U - i];
  }
  return path;
}

Path path_of(const HopList& hops) noexcept {
  Path path;
  path.count = static_cast<std::uint8_t>(hops.count);
  path.longer = hops.length > hops.count;
  for (unsigned i = 0; i < hops.count; ++i) {
    path.switch_id[i] = hops.hop[hops.count - 1U - i].switch_id;
  }
  return path;
}

/// Every hop's port has a row, and the low half of the port tells which it is.
bool is_sure(const HopList& hops, const std::array<std::uint32_t, kMaxHops>& slots) noexcept {
  bool sure = true;
  for (unsigned i = 0; i < hops.count; ++i) {
    const std::uint32_t port = hops.hop[i].port;
    sure = sure && slots[i] != kNoSlot && (port < 0xFFFF || port == kNoPort);
  }
  return sure;
}

}  // namespace

template <typename Key>
FlowState<Key>::FlowState(std::uint32_t capacity, const TableOptions& tables,
                          const EventOptions& events, const UnitTable& units,
                          EventBuffer& event_buffer, PortState& ports)
    : table_(capacity, tables.when_full, tables.idle_timeout_s),
      options_(events),
      units_(units),
      fixed_latency_(units.flow_latency().fixed()),
      events_(event_buffer),
      ports_(ports) {}

template <typename Key>
Event* FlowState<Key>::claim(Record& record, EventKind kind, Measurement measurement,
                             const Moment& moment) noexcept {
  Event* event = events_.claim(kind, measurement);
  if (event == nullptr) return nullptr;
  event->has_flow = true;
  event->flow = widen(record.key);
  moment.stamp(*event);
  put(record.last_event_s, moment.now_s);
  return event;
}

template <typename Key>
void FlowState<Key>::resolve(const HopList& hops, Slots& slots, std::uint32_t now_s) noexcept {
  for (unsigned i = 0; i < hops.count; ++i) {
    slots[i] = ports_.slot(hops.hop[i].switch_id, hops.hop[i].port, now_s);
  }
}

template <typename Key>
void FlowState<Key>::use_slot(Record& record, std::size_t at, const Hop& hop, std::uint32_t& slot,
                              const Moment& moment) noexcept {
  slot = record.port_slot[at];
  if (ports_.holds(slot, hop.switch_id, hop.port)) return;
  // The port was silent for so long that its row went to another.
  slot = ports_.slot(hop.switch_id, hop.port, moment.now_s);
  if (slot != record.port_slot[at]) put(record.port_slot[at], slot);
}

template <typename Key>
bool FlowState<Key>::same_path(const Record& record, const HopList& hops) const noexcept {
  if (record.path_length != hops.length || record.hop_count != hops.count ||
      (record.flags & Record::kPostcards) != 0) {
    return false;
  }
  for (unsigned i = 0; i < hops.count; ++i) {
    if (record.switch_id[i] != hops.hop[i].switch_id ||
        record.egress_port[i] != static_cast<std::uint16_t>(hops.hop[i].port)) {
      return false;
    }
  }
  return true;
}

template <typename Key>
void FlowState<Key>::take_path(Record& record, const HopList& hops, const Slots& slots) noexcept {
  constexpr auto kShape =
      static_cast<std::uint8_t>(Record::kPostcards | Record::kLonger | Record::kUnsure);
  std::uint8_t flags = record.flags & static_cast<std::uint8_t>(~kShape);
  if (hops.postcard) flags |= Record::kPostcards;
  if (!is_sure(hops, slots)) flags |= Record::kUnsure;
  if (hops.length > hops.count) flags |= Record::kLonger;
  put(record.flags, flags);
  put(record.hop_count, static_cast<std::uint8_t>(hops.count));
  put(record.path_length, hops.length);
  for (unsigned i = 0; i < hops.count; ++i) {
    put(record.switch_id[i], hops.hop[i].switch_id);
    put(record.egress_port[i], static_cast<std::uint16_t>(hops.hop[i].port));
    put(record.port_slot[i], slots[i]);
    put(record.latency[i], kNoLatency);
    put(record.latency_interval_of[i], kNoInterval);
  }
  // Vectors read a row for each lane (PortState::take_stack()).
  for (unsigned i = hops.count; i < kMaxHops; ++i) put(record.port_slot[i], 0);
}

template <typename Key>
bool FlowState<Key>::follow_path(Record& record, const HopList& hops, Slots& slots,
                                 const Moment& moment) noexcept {
  if (same_path(record, hops)) {
    for (unsigned i = 0; i < hops.count; ++i) use_slot(record, i, hops.hop[i], slots[i], moment);
    const auto sure = static_cast<std::uint8_t>(
        is_sure(hops, slots) ? record.flags & ~Record::kUnsure : record.flags | Record::kUnsure);
    if (sure != record.flags) put(record.flags, sure);
    return true;
  }
  resolve(hops, slots, moment.now_s);
  const bool had_path = record.path_length != 0 && (record.flags & Record::kPostcards) == 0;
  if (had_path) {
    if (options_.path_change) {
      Event* event = claim(record, EventKind::kPathChange, Measurement::kFlow, moment);
      if (event == nullptr) {  // seen again on the next report
        put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kUnsure));
        return false;
      }
      event->has_old = true;
      event->old_path = path_of(record);
      event->new_path = path_of(hops);
    }
    put(record.path_changes, record.path_changes + 1);
  }
  take_path(record, hops, slots);
  return true;
}

template <typename Key>
void FlowState<Key>::set_latency(Record& record, std::size_t at, std::uint32_t latency,
                                 const Moment& moment) noexcept {
  if (latency == kNoLatency) {
    if (record.latency[at] != kNoLatency) put(record.latency[at], kNoLatency);
    return;
  }
  const Units& units = ports_.units_of(record.port_slot[at], record.switch_id[at]);
  const Interval interval = record.latency_interval_of[at];
  if (interval == kNoInterval) {
    put(record.latency_interval_of[at], units.hop_latency.index(latency));
  } else if (units.hop_latency.enabled() && units.hop_latency.left(latency, interval)) {
    if (Event* event = claim(record, EventKind::kValueMoved, Measurement::kHopLatency, moment)) {
      event->has_switch = true;
      event->switch_id = record.switch_id[at];
      event->has_old = record.latency[at] != kNoLatency;
      event->old_value = event->has_old ? record.latency[at] : 0;
      event->new_value = latency;
      put(record.latency_interval_of[at], units.hop_latency.index(latency));
    }
  }
  put(record.latency[at], latency);
}

template <typename Key>
void FlowState<Key>::set_flow_latency(Record& record, std::uint64_t latency_ns, bool has_latency,
                                      const Moment& moment) noexcept {
  if (!has_latency) {
    if ((record.flags & Record::kHasLatency) != 0) {
      put(record.flags, record.flags & static_cast<std::uint8_t>(~Record::kHasLatency));
    }
    return;
  }
  const IntervalRule& rule = units_.flow_latency();
  if (record.latency_interval == kNoInterval) {
    put(record.latency_interval, rule.index(latency_ns));
  } else if (rule.enabled() && rule.left(latency_ns, record.latency_interval)) {
    if (Event* event = claim(record, EventKind::kValueMoved, Measurement::kFlowLatency, moment)) {
      event->has_old = true;
      event->timed = (record.flags & Record::kTimed) != 0;
      event->old_value = record.latency_ns;
      event->new_value = latency_ns;
      put(record.latency_interval, rule.index(latency_ns));
    }
  }
  put(record.latency_ns, latency_ns);
  if ((record.flags & Record::kHasLatency) == 0) {
    put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kHasLatency));
  }
}

template <typename Key>
void FlowState<Key>::follow_stack(Record& record, const HopList& hops,
                                  std::uint64_t further_latency_ns, Slots& slots,
                                  const Moment& moment) noexcept {
  const bool followed = follow_path(record, hops, slots, moment);
  std::uint64_t latency_ns = further_latency_ns;
  bool has_latency = further_latency_ns != 0;
  for (unsigned i = 0; i < hops.count; ++i) {
    const Hop& hop = hops.hop[i];
    if (followed) set_latency(record, i, hop.latency, moment);
    if (hop.latency == kNoLatency) continue;
    latency_ns += ports_.units_of(slots[i], hop.switch_id).latency_ns(hop.latency);
    has_latency = true;
  }
  constexpr auto kTimed = static_cast<std::uint8_t>(Record::kTimed);
  const auto flags =
      static_cast<std::uint8_t>(hops.timed ? record.flags | kTimed : record.flags & ~kTimed);
  if (flags != record.flags) put(record.flags, flags);
  if (hops.timed) latency_ns = hops.timed_ns;
  set_flow_latency(record, latency_ns, has_latency || hops.timed, moment);
}

template <typename Key>
void FlowState<Key>::follow_postcard(Record& record, const HopList& hops, Slots& slots,
                                     const Moment& moment) noexcept {
  const Hop& hop = hops.hop[0];
  unsigned at = 0;
  while (at < record.hop_count && record.switch_id[at] != hop.switch_id) ++at;
  const bool has_path = record.path_length != 0 && (record.flags & Record::kPostcards) == 0;
  if (at == record.hop_count && (has_path || at == kMaxHops)) {
    // A stack says which hops there are, or there is no room for another.
    if (!has_path) put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kLonger));
    resolve(hops, slots, moment.now_s);
    return;
  }
  const bool is_port =
      at < record.hop_count && record.egress_port[at] == static_cast<std::uint16_t>(hop.port);
  if (!is_port && has_path) {
    // Which way the flow goes a stack has said; a node may tell of itself without its port.
    resolve(hops, slots, moment.now_s);
  } else if (!is_port) {
    resolve(hops, slots, moment.now_s);
    if (at == record.hop_count) {
      put(record.hop_count, static_cast<std::uint8_t>(at + 1));
      put(record.path_length, at + 1);
      put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kPostcards));
      put(record.switch_id[at], hop.switch_id);
      put(record.latency[at], kNoLatency);
      put(record.latency_interval_of[at], kNoInterval);
    }
    put(record.egress_port[at], static_cast<std::uint16_t>(hop.port));
    put(record.port_slot[at], slots[0]);
  } else {
    use_slot(record, at, hop, slots[0], moment);
  }
  if (hop.latency == kNoLatency) return;
  set_latency(record, at, hop.latency, moment);
  // Of hops that are not all here, or of clocks, the sum would be another latency.
  if (has_path && (record.flags & (Record::kLonger | Record::kTimed)) != 0) return;
  std::uint64_t latency_ns = 0;
  for (unsigned i = 0; i < record.hop_count; ++i) {
    if (record.latency[i] == kNoLatency) continue;
    latency_ns +=
        ports_.units_of(record.port_slot[i], record.switch_id[i]).latency_ns(record.latency[i]);
  }
  set_flow_latency(record, latency_ns, true, moment);
}

template <typename Key>
void FlowState<Key>::announce(Record& record, const Moment& moment) noexcept {
  if (options_.new_key) {
    Event* event = claim(record, EventKind::kNewKey, Measurement::kFlow, moment);
    if (event == nullptr) return;  // tried again on the next report
    if ((record.flags & Record::kPostcards) == 0) event->new_path = path_of(record);
  }
  put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kAnnounced));
}

template <typename Key>
void FlowState<Key>::refresh(Record& record, const Moment& moment) noexcept {
  if (record.last_event_s == 0) {
    put(record.last_event_s, moment.now_s);
    return;
  }
  if (!has_passed(record.last_event_s, moment.now_s, options_.refresh_s)) return;
  const bool has_latency = (record.flags & Record::kHasLatency) != 0;
  Event* event = claim(record, EventKind::kRefresh,
                       has_latency ? Measurement::kFlowLatency : Measurement::kFlow, moment);
  if (event == nullptr) return;
  event->timed = (record.flags & Record::kTimed) != 0;
  if (has_latency) event->new_value = record.latency_ns;
}

template <typename Key>
void FlowState<Key>::update(const Key& key, std::uint64_t hash, const HopList& hops,
                            std::uint64_t further_latency_ns, bool dropped, const Moment& moment,
                            Slots& slots) noexcept {
  Record* found = table_.find(key, hash, moment.now_s);
  if (found == nullptr) found = table_.insert(key, hash, moment.now_s);
  if (found == nullptr) {
    resolve(hops, slots, moment.now_s);
    return;
  }
  Record& record = *found;
  const RowWriter writer(record.sequence);
  const bool touches_all_ports = hops.count > 0 && !hops.postcard;
  if (!touches_all_ports && (record.flags & Record::kUnsure) == 0) {
    put(record.flags, static_cast<std::uint8_t>(record.flags | Record::kUnsure));
  }
  put(record.reports, record.reports + moment.weight);
  put(record.last_seen_ns, moment.receive_time_ns);
  if (dropped) put(record.drops, record.drops + moment.weight);
  if (touches_all_ports) {
    follow_stack(record, hops, further_latency_ns, slots, moment);
  } else if (hops.count > 0 && !dropped) {
    follow_postcard(record, hops, slots, moment);
  } else {
    // A drop report tells where a packet ended, not which way the flow takes.
    resolve(hops, slots, moment.now_s);
  }
  if ((record.flags & Record::kAnnounced) == 0) announce(record, moment);
  if (options_.refresh_s != 0) refresh(record, moment);
}

template <typename Key>
void FlowState<Key>::take_moved(Record& record, const HopColumns& columns, unsigned hops,
                                const Moment& moment) noexcept {
  const RowWriter writer(record.sequence);
  put(record.reports, record.reports + moment.weight);
  put(record.last_seen_ns, moment.receive_time_ns);
  for (unsigned i = 0; i < hops; ++i) {
    if ((columns.moved >> i & 1) != 0) {
      set_latency(record, i, columns.latency[i], moment);
    } else {
      put(record.latency[i], columns.latency[i]);
    }
  }
  set_flow_latency(record, columns.sum_ns, true, moment);
}

template class FlowState<FlowKey4>;
template class FlowState<FlowKey6>;

}  // namespace hopscope::pipeline
