#pragma once
// All tables of one worker. One writer: the worker. The exporter reads rows through the for_each()
// functions of the tables while it goes on.

#include <cstdint>

#include "pipeline/tables/flow_state.h"
#include "pipeline/tables/format_state.h"
#include "pipeline/tables/link_row.h"
#include "pipeline/tables/port_state.h"
#include "pipeline/tables/recent_senders.h"
#include "pipeline/tables/sequence_tracker.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::pipeline {

class Tables {
 public:
  struct Context {
    const TableOptions& tables;
    const EventOptions& events;
    const UnitTable& units;
    const std::vector<CustomHeaderPlan>& formats;
    const HashSeed& seed;
    unsigned workers;  ///< flow capacities are divided by it, those of other tables are not
    bool exact_times;  ///< see EngineOptions
    EventBuffer& event_buffer;
    ChangeRouter& changes;
  };

  explicit Tables(const Context& context);

  /// One report: its flow where it has one, its hops' ports and queues, its drop. `flow_hash` is
  /// that of the flow's key.
  void apply(const Report& report, std::uint64_t flow_hash, const FrameTime& time) noexcept;

  /// One header of one's own; `hash` is that of its key.
  void apply(const CustomHeaderPlan& plan, const FormatRecord& record, std::uint64_t hash,
             std::uint32_t weight, const FrameTime& time) noexcept {
    formats_.apply(plan, record, hash, weight, time);
  }

  void observe_sequence(const SequenceNumber& number) noexcept;
  /// The same where the sender is one that spoke lately, the number the next one and nothing to be
  /// told. False, and nothing counted: for observe_sequence().
  [[nodiscard]] bool observe_next_sequence(const SenderWords& sender, std::uint32_t number,
                                           std::uint32_t now_s) noexcept {
    const std::uint32_t at = recent_senders_.row_of(sender);
    if (at == SlotIndex::kNone) return false;
    SequenceRow& row = sequences_[at];
    if (row.missing != row.told) return false;
    const RowWriter writer(row.sequence);
    return observe_next(row, number, sequence_window_, now_s);
  }

  // For FastPath: reports with which nothing happens.
  [[nodiscard]] FlowState<FlowKey4>& flow_state(const FlowKey4& /*key*/) noexcept {
    return flows4_;
  }
  [[nodiscard]] FlowState<FlowKey6>& flow_state(const FlowKey6& /*key*/) noexcept {
    return flows6_;
  }
  [[nodiscard]] PortState& port_state() noexcept { return ports_; }
  /// When the report, a stack that stands alone, was seen: as apply() says it.
  [[nodiscard]] Moment moment_of(const Report& report, const FrameTime& time) noexcept;
  /// One hop of it, as apply() takes it: where its port's row is `slot`.
  void apply_hop(const Report& report, std::uint32_t hop, std::uint32_t slot,
                 const Moment& moment) noexcept;

  void set_interval(const RowChange& change) noexcept { ports_.set_interval(change); }

  /// The work that time brings: expiry, silence, refresh. `most`: buckets and rows looked at, at
  /// the most; what is due beyond is left for the next call.
  [[gnu::noinline]] void housekeep(const FrameTime& time, std::uint32_t most) noexcept;
  /// Whether housekeep() would do anything yet.
  [[nodiscard]] bool is_due(const FrameTime& time) const noexcept {
    return swept_until_ns_ == 0 || time.now_ns - swept_until_ns_ >= kHousekeepNs;
  }

  /// The newest second of which housekeep() knows: what was idle for too long by then may be gone.
  [[nodiscard]] std::uint32_t swept_s() const noexcept { return swept_s_; }

  /// Counts all sequence holes as missing: the run ends.
  void settle_sequences(const FrameTime& time) noexcept;

  /// Makes the tables' plain counts visible to count_into(). Once per batch.
  void publish_counts() noexcept;
  /// Any thread.
  void count_into(CounterSnapshot& counters) const noexcept;

  [[nodiscard]] const FlowTable<FlowKey4>& flows4() const noexcept { return flows4_.table(); }
  [[nodiscard]] const FlowTable<FlowKey6>& flows6() const noexcept { return flows6_.table(); }
  [[nodiscard]] const PortState& ports() const noexcept { return ports_; }
  [[nodiscard]] const RowTable<DropRow>& drops() const noexcept { return drops_; }
  [[nodiscard]] const RowTable<LinkRow>& links() const noexcept { return links_; }
  [[nodiscard]] const RowTable<FormatRow>& formats() const noexcept { return formats_.rows(); }
  [[nodiscard]] const RowTable<SequenceRow>& sequences() const noexcept { return sequences_; }

 private:
  /// `sink`: its hop 0; null: it has none.
  [[nodiscard]] static Moment moment_of(const Report& report, const Hop* sink,
                                        const FrameTime& time) noexcept;
  /// Hops beyond the list: what they add to the flow's latency, and their ports.
  std::uint64_t further_latency_ns(const Report& report) noexcept;
  void apply_further(const Report& report, const Moment& moment) noexcept;
  /// By clocks that agree: the flow's latency, and that of the links between its hops.
  void time_hops(const Report& report, const Moment& moment) noexcept;
  void set_link(std::uint32_t from_hop, std::uint32_t to_hop, std::uint64_t latency_ns,
                const Moment& moment) noexcept;
  void sweep_links(std::uint32_t rows, std::uint32_t now_s) noexcept;
  void apply_drop(const Report& report, const Moment& moment) noexcept;
  [[nodiscard]] std::uint32_t sequence_row(const SequenceNumber& number) noexcept;
  void sweep_sequences(std::uint32_t rows, const FrameTime& time) noexcept;
  void tell_loss(SequenceRow& row, const FrameTime& time) noexcept;
  [[nodiscard]] bool is_silent(std::uint32_t last_s, std::uint32_t now_s) const noexcept;

  static constexpr std::int64_t kHousekeepNs = 1'000'000;  ///< a millisecond is often enough

  const EventOptions options_;
  const TableOptions table_options_;
  const UnitTable& units_;
  const HashSeed seed_;
  const std::uint32_t sequence_window_;
  EventBuffer& events_;
  PortState ports_;
  FlowState<FlowKey4> flows4_;
  FlowState<FlowKey6> flows6_;
  RowTable<DropRow> drops_;
  RowTable<SequenceRow> sequences_;
  RecentSenders recent_senders_;
  FormatState formats_;
  RowTable<LinkRow> links_;
  std::uint32_t link_sweep_at_ = 0;
  HopReader reader_;
  HopList hops_;
  std::int64_t swept_until_ns_ = 0;
  std::uint32_t swept_s_ = 0;
  std::uint32_t sequence_sweep_at_ = 0;

  struct Published {
    std::array<Counter, kCountOf<Table>> entries, refused, evicted, expired;
  };
  Published published_;
};

}  // namespace hopscope::pipeline
