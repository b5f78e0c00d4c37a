#pragma once
// Ports, queues and switches as one worker sees them: private rows of keys that another worker may
// own. A value that leaves its interval goes through the ChangeRouter to the owner, which decides
// on the event.

#include <cstdint>

#include "pipeline/ageing_clock.h"
#include "pipeline/change_router.h"
#include "pipeline/fixed_array.h"
#include "pipeline/hop_columns.h"
#include "pipeline/hop_list.h"
#include "pipeline/moment.h"
#include "pipeline/port_table.h"
#include "pipeline/switch_row.h"
#include "pipeline/units.h"

namespace hopscope::pipeline {

class PortState {
 public:
  /// `keep_times`: note when each value came, for several workers' rows to be merged.
  PortState(const TableOptions& tables, std::uint32_t refresh_s, bool keep_times,
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
  template <typename UpdateHop>
  void take_stack(const std::uint32_t* slots, const HopColumns& columns, const ColumnPlan& plan,
                  const Moment& moment, const UpdateHop& update_hop) noexcept;

  void prefetch(std::uint32_t slot) const noexcept { __builtin_prefetch(&ports_[slot], 0, 2); }

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
  /// A value beside the interval that it is in.
  struct Watched {
    Measurement measurement;
    const IntervalRule& rule;
    std::uint32_t switch_id;
    std::uint32_t port;
    std::uint32_t queue;
    std::uint32_t value;
  };

  /// The interval that the row is to have: another one only if the change went on its way.
  [[nodiscard]] Interval watch(const Watched& watched, Interval interval, const Hop& hop,
                               const Moment& moment) noexcept;

  void update_tx(PortRow& row, const Units& units, const Hop& hop, const Moment& moment) noexcept;
  void update_occupancy(std::uint32_t slot, const Units& units, const Hop& hop,
                        const Moment& moment) noexcept;
  void update_congestion(std::uint32_t slot, const Units& units, const Hop& hop,
                         const Moment& moment) noexcept;
  /// Index of the queue's inline slot, or -1: all eight are other queues.
  [[nodiscard]] static int inline_queue(PortRow& row, std::uint32_t queue) noexcept;
  /// `moment`: when the queue was seen; null when only its interval is set.
  [[nodiscard]] QueueRow* overflow_queue(std::uint32_t slot, std::uint32_t queue,
                                         const Moment* moment) noexcept;
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
  void sweep_queue(std::uint32_t index, const FrameTime& time) noexcept;
  /// When a row may ask for its refresh again: the owner of the key knows when one is due.
  [[nodiscard]] bool may_refresh(std::uint32_t last_s, std::uint32_t now_s) const noexcept {
    return refresh_s_ != 0 && now_s - last_s >= (refresh_s_ + 3) / 4;
  }
  bool tell(const Watched& watched, Interval interval, const FrameTime& time) noexcept;
  void refresh_port(PortRow& row, const FrameTime& time) noexcept;

  const UnitTable& units_;
  const FixedIntervals tx_;         ///< of units_[0]
  const FixedIntervals occupancy_;  ///< of units_[0]
  const HashSeed seed_;
  ChangeRouter& changes_;
  const std::uint32_t idle_timeout_s_;
  const std::uint32_t refresh_s_;
  const bool keep_times_;
  RowTable<PortRow> ports_;
  RowTable<QueueRow> queues_;
  RowTable<SwitchRow> switches_;
  FixedArray<std::uint32_t> ports_of_switch_;  ///< by switch row: a switch goes after its ports
  std::uint32_t sweep_at_ = 0;
};

template <typename UpdateHop>
void PortState::take_stack(const std::uint32_t* slots, const HopColumns& columns,
                           const ColumnPlan& plan, const Moment& moment,
                           const UpdateHop& update_hop) noexcept {
  const Units& units = units_[0];
  const FixedIntervals tx_rule = tx_;
  const FixedIntervals occupancy_rule = occupancy_;
  const auto age = static_cast<std::uint16_t>(moment.now_s);
  for (unsigned lane = 0; lane < plan.hops; ++lane) {
    PortRow& row = ports_[slots[lane]];
    const std::uint32_t tx = columns.tx_utilization[lane];
    const std::uint32_t queue = columns.queue[lane];
    const std::size_t at = (queue >> 24) % kInlineQueues;
    bool stays = row.age == age;
    if (plan.has_tx) {
      stays = stays && row.tx_utilization != kNoValue && tx_rule.stays(tx, row.tx_interval);
    }
    // What has a value is live; the flag is in another line.
    if (!plan.has_tx && !plan.has_queue) stays = stays && row.live != 0;
    if (plan.has_queue) {
      stays = stays && ((row.queues_used & row.occupancy_seen) >> at & 1) != 0 &&
              (row.occupancy[at] ^ queue) <= kOccupancyMask &&
              occupancy_rule.stays(queue & kOccupancyMask, row.occupancy_interval[at]);
    }
    if (!stays) [[unlikely]] {
      update_hop(lane);
      continue;
    }
    if (plan.has_latency) {
      count_latency(switches_[row.switch_row], units, columns.latency[lane], moment.weight);
    }
    const RowWriter writer(row.sequence);
    if (plan.has_tx) put(row.tx_utilization, tx);
    if (plan.has_queue) put(row.occupancy[at], queue);
    if (keep_times_) {
      if (plan.has_tx) put(row.tx_us, moment.now_us);
      if (plan.has_queue) put(row.queue_us[at], moment.now_us);
    }
  }
}

}  // namespace hopscope::pipeline
