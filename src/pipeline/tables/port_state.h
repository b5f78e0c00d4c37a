#pragma once
// Ports, queues and switches as one worker sees them: private rows of keys that another worker may
// own. A value that leaves its interval goes through the ChangeRouter to the owner, which decides
// on the event.

#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "base/fixed_array.h"
#include "base/prefetch.h"
#include "base/single_writer.h"
#include "pipeline/events/event.h"
#include "pipeline/events/intervals.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/change_router.h"
#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/moment.h"
#include "pipeline/tables/port_columns.h"
#include "pipeline/tables/port_table.h"
#include "pipeline/tables/switch_row.h"
#include "pipeline/tables/units.h"

namespace hopscope::pipeline {

class PortState {
 public:
  PortState(const TableOptions& tables, std::uint32_t refresh_s, ValueTimes times,
            const UnitTable& units, const HashSeed& seed, ChangeRouter& changes);

  /// The row of a port, made where it is new; kNoSlot when the table is full.
  [[nodiscard]] std::uint32_t slot(std::uint32_t switch_id, std::uint32_t port,
                                   std::uint32_t now_s) noexcept;

  /// Whether a row that was found earlier still is that port's.
  [[nodiscard]] bool holds(std::uint32_t slot, std::uint32_t switch_id,
                           std::uint32_t port) const noexcept {
    return slot != kNoSlot && ports_[slot].switch_id == switch_id && ports_[slot].port == port;
  }

  /// What a hop says about its port and queue, and the hop latency histogram of its switch.
  void update(std::uint32_t slot, const Hop& hop, const Moment& moment) noexcept;

  /// The same for a whole stack with rows that hold(), where all switches have the same units:
  /// takes the hops whose values stay where they were; calls update_hop(lane) for the others.
  /// `slots`: kMaxHops, those behind the last hop of any row.
  template <InstructionSet kSet, typename UpdateHop>
  void take_stack(const std::uint32_t* slots, const HopColumns& columns, const ColumnPlan& plan,
                  const Moment& moment, const UpdateHop& update_hop) noexcept;

  /// `slots`: kMaxHops, as take_stack() takes them.
  void prefetch(const std::uint32_t* slots, unsigned hops) const noexcept {
    const PortRow* const rows = &ports_[0];
    const auto fetch = [&](unsigned from, unsigned end) {
      for (unsigned i = from; i < end; ++i) prefetch_to_write(rows + slots[i]);
    };
    static_assert(kMaxHops == 8);
    fetch(0, 4);
    if (hops > 4) fetch(4, 6);
    if (hops > 6) fetch(6, 8);
  }

  /// Units of the switch that the row belongs to.
  [[nodiscard]] const Units& units_of(std::uint32_t slot, std::uint32_t switch_id) const noexcept {
    const bool known = slot != kNoSlot && ports_[slot].switch_id == switch_id;
    return units_[known ? switches_[ports_[slot].switch_row].units : units_.index_of(switch_id)];
  }

  /// The owner says which interval a key is in now.
  void set_interval(const RowChange& change) noexcept;

  /// Looks at `rows` further rows: the silent ones go, the others are refreshed when it is time.
  void sweep(std::uint32_t rows, const FrameTime& time) noexcept;

  [[nodiscard]] const RowTable<PortRow>& ports() const noexcept { return ports_; }
  [[nodiscard]] const RowTable<QueueRow>& queues() const noexcept { return queues_; }
  [[nodiscard]] const RowTable<SwitchRow>& switches() const noexcept { return switches_; }

 private:
  /// A value of a port or queue, with its key.
  struct Watched {
    Measurement measurement;
    std::uint32_t switch_id;
    std::uint32_t port;
    std::uint32_t queue;
    std::uint32_t value;
  };

  /// Without its times.
  [[nodiscard]] static RowChange change_of(const Watched& watched, Interval interval) noexcept;
  /// The interval that the row is to have: another one only if the change was routed.
  [[nodiscard]] Interval watch(const Watched& watched, const IntervalRule& rule, Interval interval,
                               const Hop& hop, const Moment& moment) noexcept;
  /// Asks the owner for a refresh, unless the value is kNoValue. False: there was no room.
  [[nodiscard]] bool refresh(const Watched& watched, Interval interval,
                             const FrameTime& time) noexcept;

  /// Hops of take_stack() whose values stay: from `first` on, before `end`; one at least.
  void take_hops(const PortsOfStack& rows, const HopColumns& columns, unsigned first, unsigned end,
                 const ColumnPlan& plan, const Moment& moment) noexcept;
  /// The same for all hops of most stacks: they have latencies and queues, the report stands for
  /// one packet, and exact times are not wanted. Without ticks: there is one worker.
  template <bool kHasTx, bool kHasTicks>
  void take_all_hops(const PortsOfStack& rows, const HopColumns& columns, std::size_t hops,
                     const Moment& moment) noexcept;
  template <bool kHasTx>
  void take_all_hops(const PortsOfStack& rows, const HopColumns& columns, std::size_t hops,
                     const Moment& moment) noexcept {
    if (times_ == ValueTimes::kNone) {
      take_all_hops<kHasTx, false>(rows, columns, hops, moment);
    } else {
      take_all_hops<kHasTx, true>(rows, columns, hops, moment);
    }
  }
  /// Whether nothing happens at a port with these values. Where all switches have the same units.
  [[nodiscard]] bool stays_at(const PortRow& row, std::uint32_t tx, std::uint32_t queue,
                              const ColumnPlan& plan) const noexcept;
  /// What another worker lent may be of a second that is over.
  static void touch(PortRow& row, std::uint32_t now_s) noexcept {
    if (seconds_since(row.age, now_s) != 0) put(row.age, static_cast<std::uint16_t>(now_s));
  }
  /// For values of now.
  [[nodiscard]] std::uint8_t tick_at(const Moment& moment) const noexcept {
    return times_ == ValueTimes::kTicks ? tick_of(moment.value_stamp) : kNoTick;
  }
  void update_tx(PortRow& row, const Units& units, const Hop& hop, const Moment& moment) noexcept;
  /// The occupancy or congestion of a queue. Under the RowWriter of the port.
  template <Measurement kWhat>
  void update_queue(std::uint32_t slot, const Units& units, const Hop& hop,
                    const Moment& moment) noexcept;
  /// Index of the queue's inline place, or -1: it is of another group.
  [[nodiscard]] static int inline_queue(PortRow& row, std::uint32_t queue) noexcept;
  /// The row of a queue that has no place in that of its port; null: the table is full.
  [[nodiscard]] QueueRow* overflow_queue(std::uint32_t slot, std::uint32_t queue) noexcept;
  /// It had a report. Under its RowWriter.
  static void see(QueueRow& row, const Moment& moment) noexcept;
  [[nodiscard]] std::uint32_t switch_row(std::uint32_t switch_id) noexcept;
  [[nodiscard]] std::uint64_t queue_key(const PortRow& port, std::uint32_t queue) const noexcept;
  static void count_latency(SwitchRow& row, const Units& units, std::uint32_t latency,
                            std::uint32_t weight) noexcept {
    const std::uint64_t latency_ns = units.latency_ns(latency);
    std::uint64_t& bucket = row.latency_buckets[latency_bucket(latency_ns)];
    put(bucket, bucket + weight);
    put(row.latency_sum_ns, row.latency_sum_ns + latency_ns * weight);
  }

  void sweep_port(std::uint32_t slot, const FrameTime& time) noexcept;
  /// Before its ticks come round.
  static void keep_old_stamps(PortRow& row, std::uint32_t now) noexcept;
  void sweep_queue(std::uint32_t index, const FrameTime& time) noexcept;
  /// When a row may ask for its refresh again: the owner of the key knows when one is due.
  [[nodiscard]] bool may_refresh(std::uint32_t last_s, std::uint32_t now_s) const noexcept {
    return refresh_s_ != 0 && now_s - last_s >= (refresh_s_ + 3) / 4;
  }
  void refresh_port(PortRow& row, const FrameTime& time) noexcept;

  const UnitTable& units_;
  const PortRules rules_;  ///< of units_[0]
  const HashSeed seed_;
  ChangeRouter& changes_;
  const std::uint32_t idle_timeout_s_;
  const std::uint32_t refresh_s_;
  const ValueTimes times_;
  RowTable<PortRow> ports_;
  RowTable<QueueRow> queues_;
  RowTable<SwitchRow> switches_;
  FixedArray<std::uint32_t> ports_of_switch_;  ///< by switch row: a switch goes after its ports
  std::uint32_t sweep_at_ = 0;
};

template <InstructionSet kSet, typename UpdateHop>
void PortState::take_stack(const std::uint32_t* slots, const HopColumns& columns,
                           const ColumnPlan& plan, const Moment& moment,
                           const UpdateHop& update_hop) noexcept {
  HOPSCOPE_ASSERT(plan.hops > 0 && plan.hops <= kMaxHops);
  PortsOfStack rows;
  bool all_stay = stay_at_ports<kSet>(rules_, &ports_[0], slots, columns, plan,
                                      static_cast<std::uint16_t>(moment.now_s), rows);
  if (!all_stay) {
    all_stay = true;
    for (unsigned lane = 0; lane < plan.hops && all_stay; ++lane) {
      all_stay = stays_at(*rows.row[lane], columns.tx_utilization[lane], columns.queue[lane], plan);
    }
  }
  if (all_stay) [[likely]] {
    const bool is_plain =
        plan.has_latency && plan.has_queue && moment.weight == 1 && times_ != ValueTimes::kExact;
    if (!is_plain) {
      take_hops(rows, columns, 0, plan.hops, plan, moment);
    } else if (plan.has_tx) {
      take_all_hops<true>(rows, columns, plan.hops, moment);
    } else {
      take_all_hops<false>(rows, columns, plan.hops, moment);
    }
    return;
  }
  for (unsigned lane = 0; lane < plan.hops; ++lane) {
    if (stays_at(*rows.row[lane], columns.tx_utilization[lane], columns.queue[lane], plan)) {
      take_hops(rows, columns, lane, lane + 1, plan, moment);
    } else {
      update_hop(lane);
    }
  }
}

inline bool PortState::stays_at(const PortRow& row, std::uint32_t tx, std::uint32_t queue,
                                const ColumnPlan& plan) const noexcept {
  const auto stays = [](const IntervalRule& rule, std::uint32_t value, Interval interval) {
    return interval != kNoInterval && !(rule.enabled() && rule.left(value, interval));
  };
  if (plan.has_tx && !stays(units_[0].tx_utilization, tx, row.tx_stays_in)) return false;
  if (!plan.has_queue) return row.live != 0;
  const std::uint32_t id = queue >> kQueueShift;
  return row.group == queue_group(id) && stays(units_[0].queue_occupancy, queue & kOccupancyMask,
                                               row.queue_stays_in[id % kInlineQueues]);
}

template <bool kHasTx, bool kHasTicks>
void PortState::take_all_hops(const PortsOfStack& rows, const HopColumns& columns, std::size_t hops,
                              const Moment& moment) noexcept {
  if (!rows.have_age) [[unlikely]] {
    for (std::size_t lane = 0; lane < hops; ++lane) touch(*rows.row[lane], moment.now_s);
  }
  SwitchRow* const switches = &switches_[0];
  const std::uint8_t tick = kHasTicks ? tick_at(moment) : kNoTick;
  const auto take = [&](std::size_t lane) {
    PortRow& row = *rows.row[lane];
    SwitchRow& owner = switches[row.switch_row];
    std::uint64_t& bucket = owner.latency_buckets[columns.latency_bucket[lane]];
    put(bucket, bucket + 1);
    put(owner.latency_sum_ns, owner.latency_sum_ns + columns.latency_ns[lane]);
    // Each value is a word of its own, so that readers find the old one or the new one.
    if (kHasTx) {
      // First the value: the old one with the new tick would be told as new (see read_row()).
      put(row.tx_utilization, columns.tx_utilization[lane]);
      if (kHasTicks) put(row.tx_tick, tick);
    }
    const std::uint32_t word = rows.occupancy[lane];
    put(*rows.queue[lane], kHasTicks ? occupancy_word(tick, word) : word);
  };
  // In their order, for two may be at one port.
  static_assert(kMaxHops == 8);
  switch (hops) {
    case 8:
      take(hops - 8);
      [[fallthrough]];
    case 7:
      take(hops - 7);
      [[fallthrough]];
    case 6:
      take(hops - 6);
      [[fallthrough]];
    case 5:
      take(hops - 5);
      [[fallthrough]];
    case 4:
      take(hops - 4);
      [[fallthrough]];
    case 3:
      take(hops - 3);
      [[fallthrough]];
    case 2:
      take(hops - 2);
      [[fallthrough]];
    default:
      take(hops - 1);
  }
}

}  // namespace hopscope::pipeline
