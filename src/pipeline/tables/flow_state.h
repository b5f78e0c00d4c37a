#pragma once
// The flows that one worker owns: which path a flow takes, its latency hop by hop, and the events
// when these change. The same code for IPv4 and IPv6 keys.

#include <cstdint>
#include <cstring>

#include "pipeline/events/event_buffer.h"
#include "pipeline/simd/hop_columns.h"
#include "pipeline/tables/flow_table.h"
#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/moment.h"
#include "pipeline/tables/port_state.h"

namespace hopscope::pipeline {

template <typename Key>
class FlowState {
 public:
  using Record = FlowRecord<Key>;

  FlowState(std::uint32_t capacity, const TableOptions& tables, const EventOptions& events,
            const UnitTable& units, EventBuffer& event_buffer, PortState& ports);

  /// Slots of the ports of hops, for those who go on with them.
  using Slots = std::array<std::uint32_t, kMaxHops>;

  /// One report of the flow. Fills `slots` with the rows of the hops' ports. `further_latency_ns`
  /// is what hops beyond the list add to the flow's latency.
  void update(const Key& key, std::uint64_t hash, const HopList& hops,
              std::uint64_t further_latency_ns, bool dropped, const Moment& moment,
              Slots& slots) noexcept;

  /// Whether a report of `hops` hops may be taken by take_regular() where its path and latencies
  /// are regular too, or by take_moved(): the record is of that key, nothing is to be told of it
  /// and nothing to be found anew.
  [[nodiscard]] bool is_regular(const Record& record, const Key& key, unsigned hops,
                                bool has_latency, std::uint32_t now_s) const noexcept {
    constexpr auto kFlags = static_cast<std::uint8_t>(Record::kUsed | Record::kAnnounced);
    const auto flags =
        static_cast<std::uint8_t>(has_latency ? kFlags | Record::kHasLatency : kFlags);
    const bool is_due =
        options_.refresh_s != 0 &&
        (record.last_event_s == 0 || has_passed(record.last_event_s, now_s, options_.refresh_s));
    return record.key == key && record.flags == flags && record.hop_count == hops &&
           record.path_length == hops && !is_due;
  }

  /// Whether the flow's latency is in the interval that it was in.
  [[nodiscard]] bool stays(const Record& record, std::uint64_t latency_ns) const noexcept {
    if (fixed_latency_.stays(latency_ns, record.latency_interval)) [[likely]]
      return true;
    const IntervalRule& rule = units_.flow_latency();
    return record.latency_interval != kNoInterval &&
           !(rule.enabled() && rule.left(latency_ns, record.latency_interval));
  }

  /// A report with which nothing happens but that values are newer.
  void take_regular(Record& record, const HopColumns& columns, bool has_latency,
                    const Moment& moment) noexcept {
    const RowWriter writer(record.sequence);
    put(record.reports, record.reports + moment.weight);
    put(record.last_seen_ns, moment.receive_time_ns);
    if (!has_latency) return;
    put(record.latency_ns, columns.sum_ns);
    // All of them, two at a time: what lies behind the last hop is nobody's.
    const auto copy_two = [&](unsigned i) {
      std::uint64_t two;
      std::memcpy(&two, &columns.latency[i], sizeof two);
      put(reinterpret_cast<std::uint64_t&>(record.latency[i]), two);
    };
    static_assert(kMaxHops == 8);
    copy_two(0);
    copy_two(2);
    copy_two(4);
    copy_two(6);
  }

  /// A report of the same path with latencies that may have left their intervals.
  void take_moved(Record& record, const HopColumns& columns, unsigned hops,
                  const Moment& moment) noexcept;

  [[nodiscard]] FlowTable<Key>& table() noexcept { return table_; }
  [[nodiscard]] const FlowTable<Key>& table() const noexcept { return table_; }

 private:
  [[nodiscard]] bool same_path(const Record& record, const HopList& hops) const noexcept;
  void take_path(Record& record, const HopList& hops, const Slots& slots) noexcept;
  /// Returns true where the record's path (slots included) is the report's.
  bool follow_path(Record& record, const HopList& hops, Slots& slots,
                   const Moment& moment) noexcept;
  void follow_stack(Record& record, const HopList& hops, std::uint64_t further_latency_ns,
                    Slots& slots, const Moment& moment) noexcept;
  void follow_postcard(Record& record, const HopList& hops, Slots& slots,
                       const Moment& moment) noexcept;
  void set_latency(Record& record, std::size_t at, std::uint32_t latency,
                   const Moment& moment) noexcept;
  void set_flow_latency(Record& record, std::uint64_t latency_ns, bool has_latency,
                        const Moment& moment) noexcept;
  void announce(Record& record, const Moment& moment) noexcept;
  void refresh(Record& record, const Moment& moment) noexcept;
  [[nodiscard]] Event* claim(Record& record, EventKind kind, Measurement measurement,
                             const Moment& moment) noexcept;
  void resolve(const HopList& hops, Slots& slots, std::uint32_t now_s) noexcept;
  /// The port row that the record has for its hop `at`, or the one that there is now.
  void use_slot(Record& record, std::size_t at, const Hop& hop, std::uint32_t& slot,
                const Moment& moment) noexcept;

  FlowTable<Key> table_;
  const EventOptions& options_;
  const UnitTable& units_;
  const FixedIntervals fixed_latency_;
  EventBuffer& events_;
  PortState& ports_;
};

extern template class FlowState<FlowKey4>;
extern template class FlowState<FlowKey6>;

}  // namespace hopscope::pipeline
