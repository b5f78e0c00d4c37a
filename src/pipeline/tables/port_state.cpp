#include "pipeline/tables/port_state.h"

#include <algorithm>

#include "base/assert.h"

namespace hopscope::pipeline {
namespace {

PortRow erased_port() noexcept {
  PortRow row{};
  row.switch_id = kNoSwitch;
  row.port = kNoPort;
  row.tx_interval = kNoInterval;
  row.tx_stays_in = kNoInterval;
  row.group = kNoGroup;
  row.occupancy_interval.fill(kNoInterval);
  row.queue_stays_in.fill(kNoInterval);
  return row;
}

}  // namespace

PortState::PortState(const TableOptions& tables, std::uint32_t refresh_s, ValueTimes times,
                     const UnitTable& units, const HashSeed& seed, ChangeRouter& changes)
    : units_(units),
      rules_(units[0].tx_utilization, units[0].queue_occupancy),
      seed_(seed),
      changes_(changes),
      idle_timeout_s_(tables.idle_timeout_s),
      refresh_s_(refresh_s),
      times_(times),
      ports_(tables.ports),
      queues_(tables.queue_overflow),
      switches_(tables.switches),
      ports_of_switch_(tables.switches) {}

std::uint32_t PortState::switch_row(std::uint32_t switch_id) noexcept {
  return switches_.find_or_add(
      switch_id, seed_,
      [&](SwitchRow& fresh) {
        fresh.switch_id = switch_id;
        fresh.units = units_.index_of(switch_id);
      },
      [&](const SwitchRow& row) {
        return ports_of_switch_[static_cast<std::size_t>(&row - &switches_[0])] == 0;
      });
}

std::uint32_t PortState::slot(std::uint32_t switch_id, std::uint32_t port,
                              std::uint32_t now_s) noexcept {
  if (switch_id == kNoSwitch) return kNoSlot;
  const std::uint32_t owner = switch_row(switch_id);
  if (owner == SlotIndex::kNone) return kNoSlot;
  return ports_.find_or_add(port_key(switch_id, port), seed_, [&](PortRow& fresh) {
    fresh.switch_id = switch_id;
    fresh.port = port;
    fresh.switch_row = static_cast<std::uint16_t>(owner);
    fresh.age = static_cast<std::uint16_t>(now_s);
    fresh.last_refresh_s = now_s;
    fresh.tx_utilization = kNoValue;
    fresh.tx_interval = kNoInterval;
    fresh.tx_stays_in = kNoInterval;
    fresh.group = kNoGroup;
    fresh.queue_stays_in.fill(kNoInterval);
    fresh.congestion.fill(kNoValue);
    fresh.occupancy_interval.fill(kNoInterval);
    fresh.congestion_interval.fill(kNoInterval);
    ++ports_of_switch_[owner];
  });
}

void PortState::update(std::uint32_t slot, const Hop& hop, const Moment& moment) noexcept {
  if (slot == kNoSlot) return;
  PortRow& row = ports_[slot];
  HOPSCOPE_ASSERT(row.switch_id == hop.switch_id);
  SwitchRow& owner = switches_[row.switch_row];
  const Units& units = units_[owner.units];
  if (hop.latency != kNoLatency) count_latency(owner, units, hop.latency, moment.weight);
  const RowWriter writer(row.sequence);
  touch(row, moment.now_s);
  if (row.live == 0) {
    put(row.swept, moment.value_stamp);
    put(row.live, 1);
  }
  if (hop.has_tx) update_tx(row, units, hop, moment);
  if (hop.has_occupancy) update_queue<Measurement::kQueueOccupancy>(slot, units, hop, moment);
  if (hop.has_congestion) update_queue<Measurement::kQueueCongestion>(slot, units, hop, moment);
}

void PortState::take_hops(const PortsOfStack& rows, const HopColumns& columns, unsigned first,
                          unsigned end, const ColumnPlan& plan, const Moment& moment) noexcept {
  HOPSCOPE_ASSERT(first < end && end <= plan.hops);
  const std::uint64_t weight = moment.weight;
  const bool is_exact = times_ == ValueTimes::kExact;
  const std::uint8_t tick = tick_at(moment);
  for (unsigned lane = first; lane < end; ++lane) {
    PortRow& row = *rows.row[lane];
    touch(row, moment.now_s);
    if (plan.has_latency) {
      SwitchRow& owner = switches_[row.switch_row];
      std::uint64_t& bucket = owner.latency_buckets[columns.latency_bucket[lane]];
      put(bucket, bucket + weight);
      put(owner.latency_sum_ns, owner.latency_sum_ns + columns.latency_ns[lane] * weight);
    }
    const std::uint32_t word = occupancy_word(tick, columns.queue[lane]);
    if (!is_exact) {
      // As take_all_hops() writes them.
      if (plan.has_tx) {
        put(row.tx_utilization, columns.tx_utilization[lane]);
        put(row.tx_tick, tick);
      }
      if (plan.has_queue) put(*rows.queue[lane], word);
      continue;
    }
    // Values that have a stamp are under the lock with it.
    const RowWriter writer(row.sequence);
    if (plan.has_tx) {
      put(row.tx_utilization, columns.tx_utilization[lane]);
      put(row.tx_stamp, moment.value_stamp);
    }
    if (plan.has_queue) {
      put(*rows.queue[lane], word);
      put(row.queue_stamp[(columns.queue[lane] >> kQueueShift) % kInlineQueues],
          moment.value_stamp);
    }
  }
}

RowChange PortState::change_of(const Watched& watched, Interval interval) noexcept {
  return {.switch_time = 0,
          .receive_time_ns = 0,
          .now_ns = 0,
          .switch_id = watched.switch_id,
          .port = watched.port,
          .queue = watched.queue,
          .value = watched.value,
          .time_switch_id = watched.switch_id,
          .measurement = watched.measurement,
          .interval = interval,
          .has_switch_time = false,
          .refresh = false};
}

Interval PortState::watch(const Watched& watched, const IntervalRule& rule, Interval interval,
                          const Hop& hop, const Moment& moment) noexcept {
  if (interval != kNoInterval && (!rule.enabled() || !rule.left(watched.value, interval))) {
    return interval;
  }
  RowChange change = change_of(watched, rule.index(watched.value));
  change.switch_time = hop.has_time ? hop.time : moment.switch_time;
  change.has_switch_time = hop.has_time || moment.has_switch_time;
  if (!hop.has_time) change.time_switch_id = moment.time_switch_id;
  change.receive_time_ns = moment.receive_time_ns;
  change.now_ns = moment.now_ns;
  return changes_.route(change) ? change.interval : interval;
}

void PortState::update_tx(PortRow& row, const Units& units, const Hop& hop,
                          const Moment& moment) noexcept {
  const Interval next = watch({.measurement = Measurement::kTxUtilization,
                               .switch_id = row.switch_id,
                               .port = row.port,
                               .queue = 0,
                               .value = hop.tx_utilization},
                              units.tx_utilization, row.tx_interval, hop, moment);
  if (next != row.tx_interval) put(row.tx_interval, next);
  put(row.tx_utilization, hop.tx_utilization);
  if (next != row.tx_stays_in) put(row.tx_stays_in, next);
  put(row.tx_tick, tick_at(moment));
  put(row.tx_stamp, moment.value_stamp);
}

int PortState::inline_queue(PortRow& row, std::uint32_t queue) noexcept {
  const std::uint32_t group = queue_group(queue);
  if (row.group == kNoGroup && group < kNoGroup) {
    put(row.group, static_cast<std::uint8_t>(group));
  }
  if (row.group != group) return -1;
  const unsigned at = queue % kInlineQueues;
  const auto used = static_cast<std::uint8_t>(row.queues_used | 1U << at);
  if (used != row.queues_used) put(row.queues_used, used);
  return static_cast<int>(at);
}

std::uint64_t PortState::queue_key(const PortRow& port, std::uint32_t queue) const noexcept {
  return hash_of(port_key(port.switch_id, port.port), seed_) + queue;
}

QueueRow* PortState::overflow_queue(std::uint32_t slot, std::uint32_t queue) noexcept {
  const PortRow& port = ports_[slot];
  const std::uint32_t index =
      queues_.find_or_add(queue_key(port, queue), seed_, [&](QueueRow& fresh) {
        fresh.queue = queue;
        fresh.switch_id = port.switch_id;
        fresh.port = port.port;
        fresh.occupancy = kNoValue;
        fresh.congestion = kNoValue;
        fresh.occupancy_interval = kNoInterval;
        fresh.congestion_interval = kNoInterval;
        fresh.age = port.age;
        fresh.last_refresh_s = port.last_refresh_s;
      });
  return index == SlotIndex::kNone ? nullptr : &queues_[index];
}

void PortState::see(QueueRow& row, const Moment& moment) noexcept {
  put(row.age, static_cast<std::uint16_t>(moment.now_s));
  put(row.stamp, moment.value_stamp);
  put(row.live, 1);
}

template <Measurement kWhat>
void PortState::update_queue(std::uint32_t slot, const Units& units, const Hop& hop,
                             const Moment& moment) noexcept {
  static_assert(kWhat == Measurement::kQueueOccupancy || kWhat == Measurement::kQueueCongestion);
  constexpr bool kIsOccupancy = kWhat == Measurement::kQueueOccupancy;
  PortRow& row = ports_[slot];
  const Watched watched{.measurement = kWhat,
                        .switch_id = row.switch_id,
                        .port = row.port,
                        .queue = kIsOccupancy ? hop.queue : hop.congestion_queue,
                        .value = kIsOccupancy ? hop.occupancy : hop.congestion};
  const IntervalRule& rule = kIsOccupancy ? units.queue_occupancy : units.queue_congestion;
  const int at = inline_queue(row, watched.queue);
  if (at < 0) {
    QueueRow* queue = overflow_queue(slot, watched.queue);
    if (queue == nullptr) return;
    const RowWriter writer(queue->sequence);
    see(*queue, moment);
    Interval& interval = kIsOccupancy ? queue->occupancy_interval : queue->congestion_interval;
    put(interval, watch(watched, rule, interval, hop, moment));
    put(kIsOccupancy ? queue->occupancy : queue->congestion, watched.value);
    return;
  }
  const auto i = static_cast<std::size_t>(at);
  Interval& interval = kIsOccupancy ? row.occupancy_interval[i] : row.congestion_interval[i];
  const Interval next = watch(watched, rule, interval, hop, moment);
  if (next != interval) put(interval, next);
  if (!kIsOccupancy) put(row.congestion[i], watched.value);
  // The tick that both values of a queue share is kept in the word of its occupancy.
  const std::uint32_t occupancy = kIsOccupancy ? watched.value : row.occupancy[i];
  put(row.occupancy[i], occupancy_word(tick_at(moment), occupancy));
  put(row.queue_stamp[i], moment.value_stamp);
  if (!kIsOccupancy) return;
  if (next != row.queue_stays_in[i]) put(row.queue_stays_in[i], next);
  const auto seen = static_cast<std::uint8_t>(row.occupancy_seen | 1U << i);
  if (seen != row.occupancy_seen) put(row.occupancy_seen, seen);
}

void PortState::set_interval(const RowChange& change) noexcept {
  const std::uint32_t at = slot(change.switch_id, change.port, seconds_of(change.now_ns));
  if (at == kNoSlot) return;
  PortRow& row = ports_[at];
  const RowWriter writer(row.sequence);
  if (change.measurement == Measurement::kTxUtilization) {
    put(row.tx_interval, change.interval);
    if (row.tx_utilization != kNoValue) put(row.tx_stays_in, change.interval);
    return;
  }
  const bool is_occupancy = change.measurement == Measurement::kQueueOccupancy;
  const int queue = inline_queue(row, change.queue);
  if (queue >= 0) {
    const auto i = static_cast<std::size_t>(queue);
    put(is_occupancy ? row.occupancy_interval[i] : row.congestion_interval[i], change.interval);
    const bool has_value = is_occupancy && (row.occupancy_seen >> i & 1) != 0;
    if (has_value) put(row.queue_stays_in[i], change.interval);
  } else if (QueueRow* overflow = overflow_queue(at, change.queue)) {
    put(is_occupancy ? overflow->occupancy_interval : overflow->congestion_interval,
        change.interval);
  }
}

void PortState::sweep(std::uint32_t rows, const FrameTime& time) noexcept {
  const std::uint32_t ports = ports_.used_end();
  const std::uint32_t total = ports + queues_.used_end();
  for (std::uint32_t i = 0; i < std::min(rows, total); ++i) {
    sweep_at_ = sweep_at_ + 1 < total ? sweep_at_ + 1 : 0;
    if (sweep_at_ < ports) {
      sweep_port(sweep_at_, time);
    } else {
      sweep_queue(sweep_at_ - ports, time);
    }
  }
}

void PortState::sweep_port(std::uint32_t slot, const FrameTime& time) noexcept {
  PortRow& row = ports_[slot];
  if (row.switch_id == kNoSwitch) return;
  const std::uint32_t now_s = seconds_of(time.now_ns);
  if (seconds_since(row.age, now_s) >= idle_timeout_s_) {
    HOPSCOPE_ASSERT(ports_of_switch_[row.switch_row] > 0);
    --ports_of_switch_[row.switch_row];
    ports_.erase(slot, seed_, erased_port());
    return;
  }
  if (row.live == 0) return;
  const bool is_due = may_refresh(row.last_refresh_s, now_s);
  if (times_ == ValueTimes::kNone && !is_due) return;
  const RowWriter writer(row.sequence);
  if (times_ != ValueTimes::kNone) keep_old_stamps(row, stamp_of(time.now_ns));
  if (!is_due) return;
  put(row.last_refresh_s, now_s);
  refresh_port(row, time);
}

void PortState::keep_old_stamps(PortRow& row, std::uint32_t now) noexcept {
  // Whether it is kept by the stamp from now on.
  const auto keep = [&](std::uint8_t tick, std::uint32_t& stamp) {
    if (tick == kNoTick) {
      const std::uint32_t kept = kept_stamp(stamp, now);
      if (kept != stamp) put(stamp, kept);
      return false;
    }
    if (!is_old(tick, row.swept, now)) return false;
    put(stamp, stamp_with(tick, row.swept));
    return true;
  };
  if (keep(row.tx_tick, row.tx_stamp)) put(row.tx_tick, kNoTick);
  for (unsigned i = 0; i < kInlineQueues; ++i) {
    if (keep(tick_in(row.occupancy[i]), row.queue_stamp[i])) {
      put(row.occupancy[i], occupancy_word(kNoTick, row.occupancy[i]));
    }
  }
  put(row.swept, now);
}

void PortState::sweep_queue(std::uint32_t index, const FrameTime& time) noexcept {
  QueueRow& row = queues_[index];
  if (row.switch_id == kNoSwitch) return;
  const std::uint32_t now_s = seconds_of(time.now_ns);
  if (seconds_since(row.age, now_s) >= idle_timeout_s_) {
    QueueRow erased{};
    erased.switch_id = kNoSwitch;
    queues_.erase(index, seed_, erased);
    return;
  }
  if (row.live == 0) return;
  const RowWriter writer(row.sequence);
  put(row.stamp, kept_stamp(row.stamp, stamp_of(time.now_ns)));
  if (!may_refresh(row.last_refresh_s, now_s)) return;
  put(row.last_refresh_s, now_s);
  Watched watched{.measurement = Measurement::kQueueOccupancy,
                  .switch_id = row.switch_id,
                  .port = row.port,
                  .queue = row.queue,
                  .value = row.occupancy};
  (void)refresh(watched, row.occupancy_interval, time);
  watched.measurement = Measurement::kQueueCongestion;
  watched.value = row.congestion;
  (void)refresh(watched, row.congestion_interval, time);
}

bool PortState::refresh(const Watched& watched, Interval interval, const FrameTime& time) noexcept {
  if (watched.value == kNoValue) return true;
  RowChange change = change_of(watched, interval);
  change.receive_time_ns = time.receive_ns;
  change.now_ns = time.now_ns;
  change.refresh = true;
  return changes_.route(change);
}

void PortState::refresh_port(PortRow& row, const FrameTime& time) noexcept {
  Watched watched{.measurement = Measurement::kTxUtilization,
                  .switch_id = row.switch_id,
                  .port = row.port,
                  .queue = 0,
                  .value = row.tx_utilization};
  bool sent = refresh(watched, row.tx_interval, time);
  for (unsigned i = 0; i < kInlineQueues && sent; ++i) {
    watched.queue = row.group * kInlineQueues + i;
    const bool has_occupancy = ((row.occupancy_seen >> i) & 1) != 0;
    watched.measurement = Measurement::kQueueOccupancy;
    watched.value = has_occupancy ? row.occupancy[i] & kOccupancyMask : kNoValue;
    sent = refresh(watched, row.occupancy_interval[i], time);
    if (!sent) break;
    watched.measurement = Measurement::kQueueCongestion;
    watched.value = row.congestion[i];
    sent = refresh(watched, row.congestion_interval[i], time);
  }
}

}  // namespace hopscope::pipeline
