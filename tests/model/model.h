#pragma once
// One worker's pipeline a second time, the obvious way: maps, one report after the other, no
// caches, no batches, no fast path. Says every event with all of its values in its order, and what
// every table holds, so that the engine can be held against it to the last number.
//
// Written from ARCHITECTURE.md, docs/ and the heads of src/pipeline. Modelled:
//   - flows: path, latency, latency per hop, postcards, drops, refresh; ports, queues, histograms
//     of switches, drops by reason, sequence numbers, links and flow latencies by clocks that
//     agree;
//   - intervals with hysteresis, the one decision per port and queue key, changes that are seen
//     again when the exporter was too far behind;
//   - which keys a full table refuses or gives up, and when idle ones go: by the same policy, with
//     the hash of a key as the only thing that is taken from the tables (flows.h, rows.h);
//   - the ageing clock, and what is looked at how often (housekeep()).
// Taken from the pipeline: the checked decoder, which has a second one of its own
// (reference_decoder.h).
// Not modelled: custom headers (custom_header_test), several workers (workers_test compares them
// with one), frames from an interface, whose time passes by batches, and how fast anything is. Of
// the ports in a flow's path the low half is compared, which is what a record keeps.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "model/flows.h"
#include "model/hops.h"
#include "model/rows.h"
#include "model/rules.h"
#include "model/sequences.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/worker/engine.h"

namespace hopscope::test::model {

/// When a frame came, and the time by which rows age.
struct Time {
  std::int64_t receive_ns = 0;
  std::int64_t now_ns = 0;

  [[nodiscard]] std::uint32_t now_s() const {
    return static_cast<std::uint32_t>(now_ns / 1'000'000'000);
  }
};

/// Goes on with the capture's times and never back. Steps of more than 32000 seconds count as so
/// many; after 16 times in a row from more than a second ago the capture has been set back.
class Ageing {
 public:
  std::int64_t at(std::int64_t time_ns);

 private:
  std::optional<std::int64_t> now_ns_;
  std::int64_t shown_ns_ = 0;
  int behind_ = 0;
};

class Model final : public pipeline::TableView {
 public:
  explicit Model(const pipeline::EngineOptions& options);

  /// One frame of a capture.
  void take(std::span<const std::uint8_t> frame, std::int64_t time_ns);
  /// The events so far were taken from the engine: its queue has room again.
  void taken() { waiting_ = 0; }
  /// The run ends.
  void finish();

  [[nodiscard]] std::vector<pipeline::Event>& events() { return events_; }

  // What an exporter would see.
  void for_each_flow(
      const std::function<void(const pipeline::FlowSnapshot&)>& visit) const override;
  [[nodiscard]] bool read_flow(pipeline::FlowRef place,
                               pipeline::FlowSnapshot& flow) const override;
  void for_each_port(
      const std::function<void(const pipeline::PortSnapshot&)>& visit) const override;
  void for_each_switch(
      const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const override;
  void for_each_drop(
      const std::function<void(const pipeline::DropSnapshot&)>& visit) const override;
  void for_each_sequence(
      const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const override;
  void for_each_link(
      const std::function<void(const pipeline::LinkSnapshot&)>& visit) const override;
  void for_each_format(
      const std::function<void(const pipeline::FormatSnapshot&)>& /*visit*/) const override {}
  [[nodiscard]] std::size_t worker_count() const override { return 1; }
  [[nodiscard]] pipeline::CounterSnapshot counters(std::size_t worker) const override;

 private:
  /// Units and rules of a switch.
  struct Switch {
    Scale scale;
    int clock = 0;  ///< equal numbers above 0: clocks that agree
    Rule hop_latency;
  };

  /// When and by whose clock, for the events of a report.
  struct Moment {
    Time time;
    std::uint64_t weight = 1;
    std::optional<std::uint64_t> switch_time{};
    std::uint32_t time_switch_id = 0;
  };

  /// A value of a port or queue.
  struct Value {
    std::optional<std::uint32_t> value;
    std::optional<std::uint64_t> interval;
  };
  struct Queue {
    std::uint32_t id = 0;
    Value occupancy{};
    Value congestion{};
  };
  using PortId = std::pair<std::uint32_t, std::uint32_t>;
  struct Port {
    std::uint32_t switch_id = 0;
    std::uint32_t port = 0;
    std::uint32_t seen_s = 0;
    std::uint32_t refresh_s = 0;
    Value tx;
    std::optional<std::uint32_t> first_queue;
    std::array<std::optional<Queue>, 8> queues;
  };
  /// A queue that is not one of the eight of its port's row.
  struct FurtherQueue {
    PortId port;
    std::uint32_t seen_s = 0;
    std::uint32_t refresh_s = 0;
    Queue queue;
  };
  struct SwitchRow {
    std::uint32_t ports = 0;
    std::uint64_t latency_sum_ns = 0;
    std::map<unsigned, std::uint64_t> latency_buckets;
  };
  /// What was decided last about a port's or queue's value.
  struct Decision {
    bool known = false;
    std::uint64_t interval = 0;
    std::uint32_t value = 0;
    std::uint32_t last_event_s = 0;
  };
  struct Change {
    PortId port;
    pipeline::Measurement measurement{};
    std::uint32_t queue = 0;
    std::uint32_t value = 0;
    Moment moment{};
  };
  struct Drops {
    std::uint32_t last_s = 0;
    std::uint64_t packets = 0;
  };
  struct Sender {
    Sequence sequence;
    std::uint32_t last_s = 0;
    std::uint32_t last_event_s = 0;
    std::uint64_t told = 0;
    std::uint8_t versions = 0;
    pipeline::DeviationMask deviations = 0;
  };
  using SenderId = std::tuple<pipeline::IpAddress, std::uint32_t, std::uint8_t>;
  struct Link {
    std::uint32_t last_s = 0;
    std::uint64_t latency_ns = 0;
    std::int64_t last_seen_ns = 0;
  };
  using LinkId = std::pair<pipeline::PortKey, pipeline::PortKey>;

  void take_reports(const pipeline::OuterHeaders& outer, const Time& time);
  void count(const pipeline::Report& report);
  void count_error(pipeline::DecodeError error) {
    ++counters_.errors[static_cast<std::size_t>(error)];
  }
  void apply(const pipeline::Report& report, const Time& time);
  void apply_drop(const pipeline::Report& report, const Moment& moment);

  // Flows.
  using Key = pipeline::FlowKey;
  using Nanoseconds = std::optional<std::uint64_t>;
  /// `timed_ns`: the flow's latency by clocks.
  void apply_flow(const pipeline::Report& report, const Hops& hops, Nanoseconds timed_ns,
                  const Moment& moment);
  void follow_stack(const Key& key, Flow& flow, const Hops& hops, Nanoseconds timed_ns,
                    const Moment& moment);
  bool follow_path(const Key& key, Flow& flow, const Hops& hops, const Moment& moment);
  void follow_postcard(const Key& key, Flow& flow, const Hop& hop, const Moment& moment);
  void set_hop_latency(const Key& key, Flow& flow, FlowHop& hop,
                       std::optional<std::uint32_t> latency, const Moment& moment);
  void set_flow_latency(const Key& key, Flow& flow, Nanoseconds latency_ns, const Moment& moment);
  void announce(const Key& key, Flow& flow, const Moment& moment);
  void refresh(const Key& key, Flow& flow, const Moment& moment);

  // Ports and queues.
  Port* port_row(const Hop& hop, std::uint32_t now_s);
  void apply_port(Port* port, const Hop& hop, const Moment& moment);
  void apply_queue(Port& port, pipeline::Measurement measurement, const QueueValue& told,
                   const Moment& moment);
  void watch(Value& value, const Rule& rule, const Change& change);
  bool decide(const Change& change, std::uint64_t interval);
  void decide_refresh(const Change& change);
  bool tell(pipeline::EventKind kind, const Change& change, std::optional<std::uint32_t> old);
  void refresh_queue(const PortId& port, const Queue& queue, const Time& time);
  [[nodiscard]] bool may_refresh(std::uint32_t last_s, std::uint32_t now_s) const;

  // Senders and links.
  void note_sequence(const pipeline::Report& report, const pipeline::OuterHeaders& outer,
                     const Time& time);
  void tell_loss(const SenderId& id, Sender& sender, const Time& time);
  /// Links between the hops, and the flow's latency where clocks tell it.
  std::optional<std::uint64_t> time_hops(const pipeline::Report& report, const Hops& hops,
                                         const Moment& moment);
  [[nodiscard]] std::optional<std::uint64_t> clock_ns(const Hop& from,
                                                      std::optional<std::uint64_t> from_time,
                                                      const Hop& to,
                                                      std::optional<std::uint64_t> to_time) const;

  // Time.
  void housekeep(const Time& time);
  void sweep_ports(std::uint32_t rows, const Time& time);
  void sweep_port(std::uint32_t number, const Time& time);
  void sweep_queue(std::uint32_t number, const Time& time);
  void sweep_senders(std::uint32_t rows, const Time& time);
  void sweep_links(std::uint32_t rows, std::uint32_t now_s);
  [[nodiscard]] bool is_idle(std::uint32_t last_s, std::uint32_t now_s) const {
    return now_s - last_s >= options_.tables.idle_timeout_s;
  }

  /// A new event, or null where the exporter's queue is full.
  pipeline::Event* claim(pipeline::EventKind kind, pipeline::Measurement measurement);
  pipeline::Event* claim(const Key& key, Flow& flow, pipeline::EventKind kind,
                         pipeline::Measurement measurement, const Moment& moment);
  static void stamp(pipeline::Event& event, const Moment& moment);
  [[nodiscard]] const Switch& switch_of(std::uint32_t id) const {
    const auto own = switches_.find(id);
    return own == switches_.end() ? default_switch_ : own->second;
  }

  const pipeline::EngineOptions options_;
  const pipeline::Decoder decoder_;
  Switch default_switch_;
  std::map<std::uint32_t, Switch> switches_;
  bool has_clocks_ = false;
  const Rule flow_latency_, tx_, occupancy_, congestion_;

  Flows flows4_, flows6_;
  Rows<PortId, Port> ports_;
  Rows<std::pair<PortId, std::uint32_t>, FurtherQueue> queues_;
  Rows<std::uint32_t, SwitchRow> switch_rows_;
  Rows<std::tuple<PortId, pipeline::Measurement, std::uint32_t>, Decision> decisions_;
  Rows<std::pair<std::uint32_t, std::uint32_t>, Drops> drops_;
  Rows<SenderId, Sender> senders_;
  Rows<LinkId, Link> links_;

  Ageing ageing_;
  Time newest_;  ///< of the newest frame
  std::optional<std::int64_t> swept_until_ns_;
  Walk port_walk_, sender_walk_, link_walk_;

  std::vector<pipeline::Event> events_;
  std::size_t waiting_ = 0;  ///< events in the queue to the exporter
  pipeline::CounterSnapshot counters_;
};

}  // namespace hopscope::test::model
