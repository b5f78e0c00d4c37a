#include "export/sinks/influx/line_encoder.h"

#include <fmt/format.h>

#include <map>
#include <variant>

#include "export/names/event_value.h"
#include "export/names/flow_path.h"
#include "export/names/scale.h"
#include "export/sinks/push/switch_clock.h"
#include "pipeline/tables/flow_record.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::kNoPort;

void port_tag(LineWriter& line, const char* name, std::uint32_t port) {
  if (port != kNoPort) line.tag(name, std::uint64_t{port});
}

}  // namespace

void LineEncoder::encode(const Item& item, std::int64_t now_ns, std::string& to) {
  now_ns_ = now_ns;
  std::visit([&](const auto* one) { write(*one, to); }, item);
}

void LineEncoder::text_field(LineWriter& line, std::string_view name, std::string_view text) const {
  if (options_.text_fields) line.field(name, text);
}

/// The ports belong to the addresses: without these they say nothing.
void LineEncoder::flow_fields(LineWriter& line, const pipeline::FlowKey& flow) const {
  if (!options_.text_fields || options_.flow_tags) return;
  line.field("src", address_text(flow.source));
  line.field("dst", address_text(flow.destination));
  line.field("sport", std::uint64_t{flow.source_port});
  line.field("dport", std::uint64_t{flow.destination_port});
  line.field("proto", protocol_text(flow.protocol));
}

void LineEncoder::end(LineWriter& line, std::int64_t time_ns) {
  line.end(clock_.stamp(line.series(), time_ns) / options_.precision_ns);
}

void LineEncoder::write(const Event& event, std::string& to) {
  const bool has_flow = event.has_flow;
  const bool is_drop = event.measurement == pipeline::Measurement::kDropReason;
  // By name, as stores like them.
  std::map<std::string, std::string> tags{{"kind", std::string(label(event.kind))},
                                          {"what", std::string(label(event.measurement))}};
  if (event.has_switch) tags["switch"] = names_.switch_name(event.switch_id);
  if (event.has_port) tags["port"] = std::to_string(event.port);
  if (event.has_queue) tags["queue"] = std::to_string(event.queue);
  if (is_drop) {
    tags["reason"] =
        names_.drop_reason(event.switch_id, static_cast<std::uint32_t>(event.new_value));
  }
  if (event.has_sender) {
    tags["source"] = address_text(event.flow.source);
    tags["hw_id"] = std::to_string(event.hw_id);
  }
  if (event.has_format) {
    const FormatNames& format = names_.formats()[event.format];
    tags["format"] = format.config().name;
    for (const auto& [name, value] : format.labels(event.format_key)) tags[name] = value;
    if (event.has_format_value) {
      tags["field"] = format.config().measurements[event.format_value].field;
    }
  }
  if (has_flow && options_.flow_tags) {
    tags["src"] = address_text(event.flow.source);
    tags["dst"] = address_text(event.flow.destination);
    tags["sport"] = std::to_string(event.flow.source_port);
    tags["dport"] = std::to_string(event.flow.destination_port);
    tags["proto"] = protocol_text(event.flow.protocol);
  }
  LineWriter line(to);
  line.measurement("int_event");
  for (const auto& [name, value] : tags) line.tag(name, value);
  line.field("count", std::uint64_t{1});
  const bool has_value = event.measurement != pipeline::Measurement::kFlow && !is_drop &&
                         (!event.has_format || event.has_format_value);
  if (has_value) {
    if (event.has_old) line.field("old", event_value(event, event.old_value, names_));
    line.field("new", event_value(event, event.new_value, names_));
  }
  if (has_flow) flow_fields(line, event.flow);
  if (event.old_path.count > 0) text_field(line, "old_path", path_text(event.old_path, names_));
  if (event.new_path.count > 0) text_field(line, "path", path_text(event.new_path, names_));
  if (event.measurement == pipeline::Measurement::kFlowLatency) {
    text_field(line, "by", event.timed ? "clocks" : "hops");
  }
  const std::int64_t time_ns = time_of(event, names_, options_.switch_time_window_ns);
  if (time_ns != event.receive_time_ns) {
    line.field("receive_time_ns", static_cast<std::uint64_t>(event.receive_time_ns));
  }
  end(line, time_ns);
}

void LineEncoder::write(const pipeline::FlowSnapshot& flow, std::string& to) {
  LineWriter line(to);
  line.measurement("int_flow");
  if (options_.flow_tags) {
    line.tag("dport", std::uint64_t{flow.key.destination_port});
    line.tag("dst", address_text(flow.key.destination));
    line.tag("proto", protocol_text(flow.key.protocol));
    line.tag("sport", std::uint64_t{flow.key.source_port});
    line.tag("src", address_text(flow.key.source));
  }
  line.field("reports", flow.reports);
  line.field("drops", flow.drops);
  line.field("path_changes", std::uint64_t{flow.path_changes});
  if (flow.has_latency) {
    line.field("latency_seconds", scaled(static_cast<double>(flow.latency_ns), 1e-9));
  }
  flow_fields(line, flow.key);
  end(line, now_ns_);
}

void LineEncoder::write(const pipeline::PortSnapshot& port, std::string& to) {
  const pipeline::SwitchProfile& profile = names_.profile(port.key.switch_id);
  const std::string name = names_.switch_name(port.key.switch_id);
  if (port.has_tx_utilization) {
    LineWriter line(to);
    line.measurement("int_port");
    port_tag(line, "port", port.key.port);
    line.tag("switch", name);
    line.field("tx_utilization",
               scaled(static_cast<double>(port.tx_utilization), profile.tx_utilization_scale));
    end(line, now_ns_);
  }
  for (const pipeline::QueueSnapshot& queue : port.queues) {
    LineWriter line(to);
    line.measurement("int_queue");
    port_tag(line, "port", port.key.port);
    line.tag("queue", std::uint64_t{queue.queue});
    line.tag("switch", name);
    if (queue.has_occupancy) line.field("occupancy", occupancy_of(profile, queue.occupancy));
    if (queue.has_congestion) line.field("congestion", occupancy_of(profile, queue.congestion));
    end(line, now_ns_);
  }
}

void LineEncoder::write(const pipeline::SwitchSnapshot& row, std::string& to) {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : row.latency_buckets) count += bucket;
  if (count == 0) return;
  LineWriter line(to);
  line.measurement("int_switch");
  line.tag("switch", names_.switch_name(row.switch_id));
  line.field("hop_latency_count", count);
  line.field("hop_latency_sum_seconds", scaled(static_cast<double>(row.latency_sum_ns), 1e-9));
  end(line, now_ns_);
}

void LineEncoder::write(const pipeline::DropSnapshot& drop, std::string& to) {
  LineWriter line(to);
  line.measurement("int_drops");
  line.tag("reason", names_.drop_reason(drop.switch_id, drop.reason));
  line.tag("switch", names_.switch_name(drop.switch_id));
  line.field("packets", drop.packets);
  end(line, now_ns_);
}

void LineEncoder::write(const pipeline::SequenceSnapshot& sender, std::string& to) {
  LineWriter line(to);
  line.measurement("int_sender");
  line.tag("hw_id", std::uint64_t{sender.hw_id});
  line.tag("source", address_text(sender.source));
  line.tag("switch", names_.switch_name(sender.switch_id));
  line.field("reports", sender.received);
  if (!sender.constant) {
    line.field("missing", sender.missing);
    line.field("late", sender.late);
    line.field("duplicates", sender.duplicates);
    line.field("restarts", sender.restarts);
  }
  end(line, now_ns_);
}

void LineEncoder::write(const pipeline::LinkSnapshot& link, std::string& to) {
  LineWriter line(to);
  line.measurement("int_link");
  line.tag("from", names_.switch_name(link.from.switch_id));
  port_tag(line, "from_port", link.from.port);
  line.tag("to", names_.switch_name(link.to.switch_id));
  port_tag(line, "to_port", link.to.port);
  line.field("latency_seconds", scaled(static_cast<double>(link.latency_ns), 1e-9));
  end(line, now_ns_);
}

void LineEncoder::write(const pipeline::FormatSnapshot& row, std::string& to) {
  const FormatNames& format = names_.formats()[row.format];
  std::map<std::string, std::string> tags;
  for (const auto& [name, value] : format.labels(row.key)) tags[name] = value;
  LineWriter line(to);
  line.measurement(format.config().name);
  for (const auto& [name, value] : tags) line.tag(name, value);
  line.field("reports", row.reports);
  if (!format.config().drop.empty()) line.field("drops", row.drops);
  for (std::size_t i = 0; i < format.config().measurements.size(); ++i) {
    if (((row.present >> i) & 1) == 0) continue;
    const pipeline::CustomHeaderMeasurement& measurement = format.config().measurements[i];
    line.field(measurement.field, scaled(static_cast<double>(row.value[i]), measurement.scale));
  }
  end(line, now_ns_);
}

}  // namespace hopscope::exporter
