#pragma once
// The pipeline as it is usually written: a generic decoder and a map per kind of key. Does what the
// real one does with stacks of IPv4 flows, so that the two can be compared: flows and their paths,
// latency per hop, ports, queues, histograms, sequence numbers, and the events of all of them.

#include <array>
#include <cstdint>

#include "pipeline/decode/decoder.h"
#include "pipeline/events/event.h"
#include "pipeline/events/options.h"
#include "pipeline/report/hash.h"
#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/sequence_tracker.h"
#include "pipeline/tables/switch_row.h"
#include "pipeline/tables/units.h"

namespace hopscope::bench {

/// A hop of a flow.
struct HopKey {
  pipeline::FlowKey4 flow;
  std::uint32_t switch_id;

  friend bool operator==(const HopKey&, const HopKey&) = default;
};

struct QueueKey {
  pipeline::PortKey port;
  std::uint32_t queue;

  friend bool operator==(const QueueKey&, const QueueKey&) = default;
};

struct SenderKey {
  pipeline::IpAddress source;
  std::uint32_t switch_id;
  std::uint8_t hw_id;

  friend bool operator==(const SenderKey&, const SenderKey&) = default;
};

/// The pipeline's own hash, so that the maps differ and not the hashes.
struct Hash {
  std::uint64_t operator()(const pipeline::FlowKey4& key) const noexcept {
    return hash_of(key, kSeed);
  }
  std::uint64_t operator()(const HopKey& key) const noexcept {
    return hash_of(hash_of(key.flow, kSeed) + key.switch_id, kSeed);
  }
  std::uint64_t operator()(const pipeline::PortKey& key) const noexcept {
    return hash_of((std::uint64_t{key.switch_id} << 32) | key.port, kSeed);
  }
  std::uint64_t operator()(const QueueKey& key) const noexcept {
    return hash_of((*this)(key.port) + key.queue, kSeed);
  }
  std::uint64_t operator()(const SenderKey& key) const noexcept {
    const std::uint64_t low = pipeline::load_word(key.source.bytes.data());
    const std::uint64_t high = pipeline::load_word(key.source.bytes.data() + 8);
    return hash_of(hash_of(low + key.hw_id, kSeed) ^ hash_of(high + key.switch_id, kSeed), kSeed);
  }
  std::uint64_t operator()(std::uint32_t switch_id) const noexcept {
    return hash_of(std::uint64_t{switch_id}, kSeed);
  }

  static constexpr pipeline::HashSeed kSeed{};
};

/// `Map<Key, Value>` finds, inserts and hashes by Hash.
template <template <typename, typename> class Map>
class MapPipeline {
 public:
  MapPipeline() : decoder_(pipeline::DecodeConfig{}), units_({}, {}), hop_reader_(units_) {}

  void take(pipeline::Bytes frame, std::int64_t time_ns) {
    pipeline::OuterHeaders outer;
    if (decoder_.outer(frame, outer) != pipeline::DecodeError::kNone) return;
    auto reader = decoder_.reports(outer);
    while (reader.next(report_)) {
      count_sequence(outer, time_ns);
      hop_reader_.read(report_, hops_);
      if (report_.has_flow4) update_flow(time_ns);
      for (std::uint32_t i = 0; i < hops_.count; ++i) update_hop(hops_.hop[i], time_ns);
    }
  }

  /// So far, by kind.
  [[nodiscard]] const auto& events() const noexcept { return events_; }

 private:
  struct Flow {
    std::uint64_t reports = 0;
    std::int64_t last_seen_ns = 0;
    std::uint64_t latency_ns = 0;
    pipeline::Interval interval = pipeline::kNoInterval;
    std::uint8_t hop_count = 0;
    std::array<std::uint32_t, pipeline::kMaxHops> switch_id{};
    std::array<std::uint32_t, pipeline::kMaxHops> port{};
  };
  struct Value {
    std::uint64_t value = 0;
    std::int64_t last_seen_ns = 0;
    pipeline::Interval interval = pipeline::kNoInterval;
  };
  struct Histogram {
    std::uint64_t sum_ns = 0;
    std::array<std::uint64_t, pipeline::kLatencyBuckets> buckets{};
  };

  pipeline::Event& tell(pipeline::EventKind kind, pipeline::Measurement measurement,
                        std::int64_t time_ns) {
    ++events_[static_cast<std::size_t>(kind)];
    pipeline::Event& event = told_[told_at_++ % told_.size()];
    event = pipeline::Event{};
    event.kind = kind;
    event.measurement = measurement;
    event.receive_time_ns = time_ns;
    return event;
  }

  void count_sequence(const pipeline::OuterHeaders& outer, std::int64_t time_ns) {
    const bool counts_by_node = report_.has_node_id && report_.version != 0;
    pipeline::SequenceRow& row =
        senders_[{.source = outer.source,
                  .switch_id = counts_by_node ? report_.node_id : pipeline::kNoSwitch,
                  .hw_id = report_.hw_id}];
    row.bits = report_.sequence_bits;
    constexpr std::uint32_t kWindow = 128;
    observe(row, report_.sequence, kWindow, static_cast<std::uint32_t>(time_ns / 1'000'000'000));
  }

  void update_flow(std::int64_t time_ns) {
    Flow& flow = flows_[report_.flow4];
    const bool is_new = flow.reports == 0;
    ++flow.reports;
    flow.last_seen_ns = time_ns;
    bool is_same = flow.hop_count == hops_.count;
    for (std::uint32_t i = 0; is_same && i < hops_.count; ++i) {
      is_same = flow.switch_id[i] == hops_.hop[i].switch_id && flow.port[i] == hops_.hop[i].port;
    }
    if (is_new) tell(pipeline::EventKind::kNewKey, pipeline::Measurement::kFlow, time_ns);
    if (!is_same) {
      if (!is_new) tell(pipeline::EventKind::kPathChange, pipeline::Measurement::kFlow, time_ns);
      flow.hop_count = static_cast<std::uint8_t>(hops_.count);
      for (std::uint32_t i = 0; i < hops_.count; ++i) {
        flow.switch_id[i] = hops_.hop[i].switch_id;
        flow.port[i] = hops_.hop[i].port;
      }
    }
    std::uint64_t latency_ns = 0;
    for (std::uint32_t i = 0; i < hops_.count; ++i) {
      const pipeline::Hop& hop = hops_.hop[i];
      if (hop.latency == pipeline::kNoLatency) continue;
      latency_ns += units_[0].latency_ns(hop.latency);
      Value& value = flow_hops_[{.flow = report_.flow4, .switch_id = hop.switch_id}];
      move(value, hop.latency, units_[0].hop_latency, pipeline::Measurement::kHopLatency, false,
           time_ns);
    }
    Value latency{.value = flow.latency_ns, .interval = flow.interval};
    move(latency, latency_ns, units_.flow_latency(), pipeline::Measurement::kFlowLatency, false,
         time_ns);
    flow.latency_ns = latency.value;
    flow.interval = latency.interval;
  }

  void update_hop(const pipeline::Hop& hop, std::int64_t time_ns) {
    const pipeline::PortKey port{.switch_id = hop.switch_id, .port = hop.port};
    if (hop.has_tx) {
      move(ports_[port], hop.tx_utilization, units_[0].tx_utilization,
           pipeline::Measurement::kTxUtilization, true, time_ns);
    }
    if (hop.has_occupancy) {
      move(queues_[{.port = port, .queue = hop.queue}], hop.occupancy, units_[0].queue_occupancy,
           pipeline::Measurement::kQueueOccupancy, true, time_ns);
    }
    if (hop.latency == pipeline::kNoLatency) return;
    Histogram& histogram = switches_[hop.switch_id];
    const std::uint64_t latency_ns = units_[0].latency_ns(hop.latency);
    histogram.sum_ns += latency_ns;
    ++histogram.buckets[pipeline::latency_bucket(latency_ns)];
  }

  void move(Value& value, std::uint64_t now, const pipeline::IntervalRule& rule,
            pipeline::Measurement measurement, bool tells_new, std::int64_t time_ns) {
    const bool is_new = value.interval == pipeline::kNoInterval;
    if (is_new || rule.left(now, value.interval)) {
      if (!is_new || tells_new) {
        pipeline::Event& event =
            tell(is_new ? pipeline::EventKind::kNewKey : pipeline::EventKind::kValueMoved,
                 measurement, time_ns);
        event.old_value = value.value;
        event.new_value = now;
      }
      value.interval = rule.index(now);
    }
    value.value = now;
    value.last_seen_ns = time_ns;
  }

  const pipeline::Decoder decoder_;
  const pipeline::UnitTable units_;
  pipeline::HopReader hop_reader_;
  pipeline::Report report_;
  pipeline::HopList hops_;
  Map<pipeline::FlowKey4, Flow> flows_;
  Map<HopKey, Value> flow_hops_;
  Map<pipeline::PortKey, Value> ports_;
  Map<QueueKey, Value> queues_;
  Map<std::uint32_t, Histogram> switches_;
  Map<SenderKey, pipeline::SequenceRow> senders_;
  std::array<std::uint64_t, kCountOf<pipeline::EventKind>> events_{};
  std::array<pipeline::Event, 1024> told_{};
  std::size_t told_at_ = 0;
};

}  // namespace hopscope::bench
