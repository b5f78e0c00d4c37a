#include "export/sinks/remote_write/remote_write_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "export/names/event_value.h"
#include "export/names/families.h"
#include "export/names/flow_path.h"
#include "export/names/scale.h"
#include "export/sinks/push/switch_clock.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::kNoPort;
using pipeline::Measurement;

void port_label(LabelSet& labels, const char* name, std::uint32_t port) {
  if (port != kNoPort) labels.add(name, std::uint64_t{port});
}

double seconds(std::uint64_t ns) {
  return scaled(static_cast<double>(ns), 1e-9);
}

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

}  // namespace

RemoteWriteEncoder::RemoteWriteEncoder(const RemoteWriteEncoding& options, const Names& names)
    : options_(options),
      names_(names),
      labels_(options.labels),
      samples_({.has_rows = options.values, .max_series = options.max_series}) {}

void RemoteWriteEncoder::encode(const Item& item, std::int64_t now_ns, std::string& to) {
  samples_.begin(now_ns, to);
  std::visit([this](const auto* one) { write(*one); }, item);
}

void RemoteWriteEncoder::end_of_rows(std::int64_t now_ns, std::string& to) {
  samples_.begin(now_ns, to);
  samples_.end_of_rows();
}

LabelSet& RemoteWriteEncoder::port_series(const Family& family, std::uint32_t switch_id,
                                          std::uint32_t port) {
  labels_.of(family).add("switch", names_.switch_name(switch_id));
  port_label(labels_, "port", port);
  return labels_;
}

LabelSet& RemoteWriteEncoder::flow_series(const Family& family, const pipeline::FlowKey& flow) {
  return labels_.of(family)
      .add("src", address_text(flow.source))
      .add("dst", address_text(flow.destination))
      .add("sport", std::uint64_t{flow.source_port})
      .add("dport", std::uint64_t{flow.destination_port})
      .add("proto", protocol_text(flow.protocol));
}

LabelSet& RemoteWriteEncoder::format_series(const std::string& metric, const FormatNames& format,
                                            const std::array<std::uint64_t, 8>& key) {
  labels_.of(metric);
  for (const auto& [name, value] : format.labels(key)) labels_.add(name, value);
  return labels_;
}

// ---- events ----

void RemoteWriteEncoder::write(const Event& event) {
  const std::int64_t time_ns = time_of(event, names_, options_.switch_time_window_ns);
  count(event, time_ns);
  const double value = event_value(event, event.new_value, names_);
  const std::uint32_t port = event.has_port ? event.port : kNoPort;
  const auto queue_series = [&](const Family& family) -> const std::string& {
    return port_series(family, event.switch_id, port)
        .add("queue", std::uint64_t{event.queue})
        .bytes();
  };
  switch (event.measurement) {
    case Measurement::kTxUtilization:
      samples_.event(port_series(families::kEgressTxUtilization, event.switch_id, port).bytes(),
                     value, time_ns);
      return;
    case Measurement::kQueueOccupancy:
      samples_.event(queue_series(families::kQueueOccupancy), value, time_ns);
      return;
    case Measurement::kQueueCongestion:
      samples_.event(queue_series(families::kQueueCongestion), value, time_ns);
      return;
    case Measurement::kFormat:
      if (event.has_format_value) {
        const FormatNames& format = names_.formats()[event.format];
        samples_.event(
            format_series(format.metric(event.format_value), format, event.format_key).bytes(),
            value, time_ns);
      }
      return;
    case Measurement::kFlowLatency:
    case Measurement::kHopLatency:
      write_latency(event, value, time_ns);
      return;
    default:
      return;
  }
}

/// By kind and switch, and for drops by all that says where and why; a flow is never among it.
void RemoteWriteEncoder::count(const Event& event, std::int64_t time_ns) {
  labels_.of(families::kEvents)
      .add("kind", label(event.kind))
      .add("measurement", label(event.measurement));
  if (event.has_switch) labels_.add("switch", names_.switch_name(event.switch_id));
  if (event.has_sender) labels_.add("hw_id", std::uint64_t{event.hw_id});
  if (event.has_format) labels_.add("format", names_.formats()[event.format].config().name);
  if (event.measurement == Measurement::kDropReason) {
    if (event.has_port) port_label(labels_, "port", event.port);
    if (event.has_queue) labels_.add("queue", std::uint64_t{event.queue});
    labels_.add("reason",
                names_.drop_reason(event.switch_id, static_cast<std::uint32_t>(event.new_value)));
  }
  samples_.count(labels_.bytes(), time_ns);
}

/// /metrics has latencies of flows per flow only: without flow labels it is that of the newest
/// flow whose latency moved.
void RemoteWriteEncoder::write_latency(const Event& event, double value, std::int64_t time_ns) {
  const bool is_hop = event.measurement == Measurement::kHopLatency;
  labels_.of(families::kEventLatency)
      .add("kind", label(event.kind))
      .add("measurement", label(event.measurement));
  if (event.has_switch) labels_.add("switch", names_.switch_name(event.switch_id));
  samples_.event_only(labels_.bytes(), value, time_ns);
  if (!options_.flow_labels || !event.has_flow) return;
  if (is_hop) {
    flow_series(families::kFlowHopLatency, event.flow)
        .add("switch", names_.switch_name(event.switch_id));
  } else {
    flow_series(families::kFlowLatency, event.flow)
        .add("by", std::string_view(event.timed ? "clocks" : "hops"));
  }
  samples_.event(labels_.bytes(), value, time_ns);
}

// ---- rows ----

void RemoteWriteEncoder::write(const pipeline::FlowSnapshot& flow) {
  if (!options_.flow_labels) return;
  samples_.row(flow_series(families::kFlowReports, flow.key).bytes(), number(flow.reports));
  samples_.row(flow_series(families::kFlowPathChanges, flow.key).bytes(), flow.path_changes);
  if (flow.has_latency) {
    flow_series(families::kFlowLatency, flow.key)
        .add("by", std::string_view(flow.timed ? "clocks" : "hops"));
    samples_.row(labels_.bytes(), seconds(flow.latency_ns));
  }
  for_each_switch_latency(flow, names_, [&](std::uint32_t id, double seconds) {
    flow_series(families::kFlowHopLatency, flow.key).add("switch", names_.switch_name(id));
    samples_.row(labels_.bytes(), seconds);
  });
  if (flow.postcards || flow.hop_count == 0) return;
  samples_.row(
      flow_series(families::kFlowPathInfo, flow.key).add("path", path_text(flow, names_)).bytes(),
      1);
}

void RemoteWriteEncoder::write(const pipeline::PortSnapshot& port) {
  const std::uint32_t switch_id = port.key.switch_id;
  const std::uint32_t number_of_port = port.key.port;
  const pipeline::SwitchProfile& profile = names_.profile(switch_id);
  if (port.has_tx_utilization) {
    samples_.row(port_series(families::kEgressTxUtilization, switch_id, number_of_port).bytes(),
                 scaled(port.tx_utilization, profile.tx_utilization_scale));
  }
  const auto series = [&](const Family& family, std::uint32_t queue) -> const std::string& {
    return port_series(family, switch_id, number_of_port)
        .add("queue", std::uint64_t{queue})
        .bytes();
  };
  for (const pipeline::QueueSnapshot& queue : port.queues) {
    if (queue.has_occupancy) {
      samples_.row(series(families::kQueueOccupancy, queue.queue),
                   occupancy_of(profile, queue.occupancy));
    }
    if (queue.has_congestion) {
      samples_.row(series(families::kQueueCongestion, queue.queue),
                   occupancy_of(profile, queue.congestion));
    }
  }
}

void RemoteWriteEncoder::write(const pipeline::SwitchSnapshot& row) {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : row.latency_buckets) count += bucket;
  if (count == 0) return;
  const std::string name = names_.switch_name(row.switch_id);
  std::uint64_t cumulative = 0;
  for (unsigned i = 0; i < pipeline::kLatencyBuckets; ++i) {
    cumulative += row.latency_buckets[i];
    const bool is_last = i + 1 == pipeline::kLatencyBuckets;
    const auto bound_ns = static_cast<double>(1ULL << (i + pipeline::kLatencyFirstBit));
    labels_.of(families::kHopLatency, "_bucket")
        .add("switch", name)
        .add("le", is_last ? "+Inf" : fmt::format("{}", bound_ns / 1e9));
    samples_.row_sum(labels_.bytes(), number(cumulative));
  }
  labels_.of(families::kHopLatency, "_sum").add("switch", name);
  samples_.row_sum(labels_.bytes(), seconds(row.latency_sum_ns));
  labels_.of(families::kHopLatency, "_count").add("switch", name);
  samples_.row_sum(labels_.bytes(), number(count));
}

void RemoteWriteEncoder::write(const pipeline::DropSnapshot& drop) {
  // Two codes may have one name.
  labels_.of(families::kPacketDrops)
      .add("switch", names_.switch_name(drop.switch_id))
      .add("reason", names_.drop_reason(drop.switch_id, drop.reason));
  samples_.row_sum(labels_.bytes(), number(drop.packets));
}

void RemoteWriteEncoder::write(const pipeline::SequenceSnapshot& sender) {
  const std::string name = names_.switch_name(sender.switch_id);
  const auto of_sender = [&](const Family& family) -> LabelSet& {
    return labels_.of(family)
        .add("source", address_text(sender.source))
        .add("switch", name)
        .add("hw_id", std::uint64_t{sender.hw_id});
  };
  of_sender(families::kSourceInfo)
      .add("versions", versions_text(sender.versions))
      .add("deviations", fmt::format("{}", fmt::join(deviation_labels(sender), ",")));
  samples_.row(labels_.bytes(), 1);
  samples_.row_sum(of_sender(families::kSourceReports).bytes(), number(sender.received));
  if (sender.constant) return;
  // A switch may send from several addresses.
  const auto sum = [&](const Family& family, std::uint64_t value) {
    labels_.of(family).add("switch", name).add("hw_id", std::uint64_t{sender.hw_id});
    samples_.row_sum(labels_.bytes(), number(value));
  };
  sum(families::kReportSequenceGaps, sender.missing);
  sum(families::kReportSequenceLate, sender.late);
  sum(families::kReportSequenceDuplicates, sender.duplicates);
  sum(families::kReportSequenceRestarts, sender.restarts);
}

void RemoteWriteEncoder::write(const pipeline::LinkSnapshot& link) {
  labels_.of(families::kLinkLatency)
      .add("from", names_.switch_name(link.from.switch_id))
      .add("to", names_.switch_name(link.to.switch_id));
  port_label(labels_, "from_port", link.from.port);
  port_label(labels_, "to_port", link.to.port);
  samples_.row(labels_.bytes(), seconds(link.latency_ns));
}

void RemoteWriteEncoder::write(const pipeline::FormatSnapshot& row) {
  const FormatNames& format = names_.formats()[row.format];
  const std::string& name = format.config().name;
  samples_.row_sum(format_series(name + "_reports_total", format, row.key).bytes(),
                   number(row.reports));
  if (!format.config().drop.empty()) {
    samples_.row_sum(format_series(name + "_drops_total", format, row.key).bytes(),
                     number(row.drops));
  }
  for (std::size_t i = 0; i < format.config().measurements.size(); ++i) {
    if (((row.present >> i) & 1) == 0) continue;
    samples_.row(format_series(format.metric(i), format, row.key).bytes(),
                 scaled(static_cast<double>(row.value[i]), format.config().measurements[i].scale));
  }
}

}  // namespace hopscope::exporter
