#include "export/table_exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "export/scale.h"

namespace hopscope::exporter {
namespace {

using pipeline::FlowSnapshot;
using pipeline::kNoPort;
using pipeline::PortSnapshot;
using pipeline::QueueSnapshot;

std::uint64_t rank(const FlowSnapshot& flow, FlowSort by) noexcept {
  switch (by) {
    case FlowSort::kLatency:
      return flow.has_latency ? flow.latency_ns : 0;
    case FlowSort::kDrops:
      return flow.drops;
    case FlowSort::kReports:
      break;
  }
  return flow.reports;
}

void flow_labels(TextWriter& out, const FlowSnapshot& flow) {
  out.label("src", address_text(flow.key.source));
  out.label("dst", address_text(flow.key.destination));
  out.label("sport", std::uint64_t{flow.key.source_port});
  out.label("dport", std::uint64_t{flow.key.destination_port});
  out.label("proto", protocol_text(flow.key.protocol));
}

/// Only the label: a port that was not reported is empty.
void port_label(TextWriter& out, std::uint32_t port) {
  if (port == kNoPort) {
    out.label("port", "");
  } else {
    out.label("port", std::uint64_t{port});
  }
}

double occupancy(const pipeline::SwitchProfile& profile, std::uint32_t raw) {
  const bool in_cells = profile.occupancy_unit == pipeline::OccupancyUnit::kCells;
  return static_cast<double>(raw) * (in_cells ? profile.cell_bytes : 1);
}

/// A flow that was forgotten and came back during the walk may be there twice; the newer counts.
void drop_doubles(std::vector<FlowSnapshot>& flows) {
  std::sort(flows.begin(), flows.end(), [](const FlowSnapshot& a, const FlowSnapshot& b) {
    return a.key == b.key ? a.last_seen_ns > b.last_seen_ns : a.key < b.key;
  });
  const auto same = [](const FlowSnapshot& a, const FlowSnapshot& b) { return a.key == b.key; };
  flows.erase(std::unique(flows.begin(), flows.end(), same), flows.end());
}

}  // namespace

std::vector<FlowSnapshot> TableExposition::choose_flows(const pipeline::TableView& tables) {
  std::vector<FlowSnapshot> chosen;
  suppressed_ = 0;
  if (options_.series == FlowSeries::kOff) return chosen;
  const std::size_t most = options_.series == FlowSeries::kTopK
                               ? std::min(options_.top_k, options_.max_series)
                               : options_.max_series;
  // A heap with the least of the chosen on top: one pass, memory for `most` flows.
  const auto before = [this](const FlowSnapshot& a, const FlowSnapshot& b) {
    return rank(a, options_.by) > rank(b, options_.by);
  };
  tables.for_each_flow([&](const FlowSnapshot& flow) {
    if (chosen.size() < most) {
      chosen.push_back(flow);
      std::push_heap(chosen.begin(), chosen.end(), before);
      return;
    }
    ++suppressed_;
    if (most == 0 || !before(flow, chosen.front())) return;
    std::pop_heap(chosen.begin(), chosen.end(), before);
    chosen.back() = flow;
    std::push_heap(chosen.begin(), chosen.end(), before);
  });
  drop_doubles(chosen);
  std::sort(chosen.begin(), chosen.end(), before);
  return chosen;
}

void TableExposition::write(const pipeline::TableView& tables, TextWriter& out) {
  const std::vector<FlowSnapshot> flows = choose_flows(tables);
  write_flows(flows, out);
  write_flow_hops(flows, out);
  write_hop_latency(tables, out);
  write_ports(tables, out);
  write_drops(tables, out);
  write_sequences(tables, out);
  write_sources(tables, out);
  write_links(tables, out);
  write_formats(tables, out);
}

void TableExposition::write_links(const pipeline::TableView& tables, TextWriter& out) const {
  out.family("int_link_latency_seconds", "gauge",
             "From a switch's egress to the next one's ingress, where their clocks agree.");
  tables.for_each_link([&](const pipeline::LinkSnapshot& link) {
    const auto port = [&](const char* name, std::uint32_t number) {
      out.label(name, number == kNoPort ? std::string() : std::to_string(number));
    };
    out.sample("int_link_latency_seconds");
    out.label("from", names_.switch_name(link.from.switch_id));
    port("from_port", link.from.port);
    out.label("to", names_.switch_name(link.to.switch_id));
    port("to_port", link.to.port);
    out.value(static_cast<double>(link.latency_ns) / 1e9);
  });
}

void TableExposition::write_flows(const std::vector<FlowSnapshot>& flows, TextWriter& out) const {
  out.family("int_flow_reports_total", "counter", "Reports of the flow.");
  for (const FlowSnapshot& flow : flows) {
    out.sample("int_flow_reports_total");
    flow_labels(out, flow);
    out.value(flow.reports);
  }
  out.family("int_flow_latency_seconds", "gauge",
             "Latency of the flow in its newest report: the sum of its hops, or from the source's "
             "ingress to the sink's egress where their clocks agree.");
  for (const FlowSnapshot& flow : flows) {
    if (!flow.has_latency) continue;
    out.sample("int_flow_latency_seconds");
    flow_labels(out, flow);
    out.label("by", flow.timed ? "clocks" : "hops");
    out.value(static_cast<double>(flow.latency_ns) / 1e9);
  }
  out.family("int_flow_path_changes_total", "counter", "How often the flow took another path.");
  for (const FlowSnapshot& flow : flows) {
    out.sample("int_flow_path_changes_total");
    flow_labels(out, flow);
    out.value(std::uint64_t{flow.path_changes});
  }
  out.family("int_flow_path_info", "gauge",
             "Path of the flow from source to sink, always 1. Not for flows known from postcards.");
  for (const FlowSnapshot& flow : flows) {
    if (flow.postcards || flow.hop_count == 0) continue;
    std::string path = flow.longer ? "...-" : "";
    for (unsigned i = 0; i < flow.hop_count; ++i) {
      if (i > 0) path += '-';
      path += names_.switch_name(flow.hops[i].switch_id);
    }
    out.sample("int_flow_path_info");
    flow_labels(out, flow);
    out.label("path", path);
    out.value(std::uint64_t{1});
  }
}

void TableExposition::write_flow_hops(const std::vector<FlowSnapshot>& flows,
                                      TextWriter& out) const {
  out.family("int_flow_hop_latency_seconds", "gauge",
             "Latency of the flow in a switch, newest report. Summed where it crosses one twice.");
  for (const FlowSnapshot& flow : flows) {
    for (unsigned i = 0; i < flow.hop_count; ++i) {
      const pipeline::HopSnapshot& hop = flow.hops[i];
      // A path may have a loop; a series may come once only, so the first visit speaks for all.
      const auto same = [&](const auto& other) { return other.switch_id == hop.switch_id; };
      const auto first = std::find_if(flow.hops.begin(), flow.hops.begin() + i, same);
      if (first != flow.hops.begin() + i) continue;
      double latency = 0;
      bool has_latency = false;
      for (unsigned k = i; k < flow.hop_count; ++k) {
        if (!same(flow.hops[k]) || !flow.hops[k].has_latency) continue;
        latency += flow.hops[k].latency;
        has_latency = true;
      }
      if (!has_latency) continue;
      out.sample("int_flow_hop_latency_seconds");
      flow_labels(out, flow);
      out.label("switch", names_.switch_name(hop.switch_id));
      out.value(scaled(latency, names_.profile(hop.switch_id).latency_unit_s));
    }
  }
}

void TableExposition::write_hop_latency(const pipeline::TableView& tables, TextWriter& out) const {
  constexpr std::string_view kName = "int_hop_latency_seconds";
  out.family(kName, "histogram", "Latency of packets in a switch.");
  tables.for_each_switch([&](const pipeline::SwitchSnapshot& row) {
    std::uint64_t count = 0;
    for (const std::uint64_t bucket : row.latency_buckets) count += bucket;
    if (count == 0) return;
    const std::string name = names_.switch_name(row.switch_id);
    std::uint64_t cumulative = 0;
    for (unsigned i = 0; i + 1 < pipeline::kLatencyBuckets; ++i) {
      cumulative += row.latency_buckets[i];
      const auto bound_ns = static_cast<double>(1ULL << (i + pipeline::kLatencyFirstBit));
      std::array<char, 32> digits;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bound_ns / 1e9);
      out.sample("int_hop_latency_seconds_bucket");
      out.label("switch", name);
      out.label("le",
                std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
      out.value(cumulative);
    }
    out.sample("int_hop_latency_seconds_bucket");
    out.label("switch", name);
    out.label("le", "+Inf");
    out.value(count);
    out.sample("int_hop_latency_seconds_sum");
    out.label("switch", name);
    out.value(static_cast<double>(row.latency_sum_ns) / 1e9);
    out.sample("int_hop_latency_seconds_count");
    out.label("switch", name);
    out.value(count);
  });
}

void TableExposition::write_ports(const pipeline::TableView& tables, TextWriter& out) const {
  std::vector<PortSnapshot> ports;
  tables.for_each_port([&](const PortSnapshot& port) { ports.push_back(port); });
  const auto labels = [&](const char* name, const PortSnapshot& port) {
    out.sample(name);
    out.label("switch", names_.switch_name(port.key.switch_id));
    port_label(out, port.key.port);
  };
  out.family("int_egress_tx_utilization", "gauge",
             "Utilisation of an egress port, in the switch's unit times its tx_utilization_scale.");
  for (const PortSnapshot& port : ports) {
    if (!port.has_tx_utilization) continue;
    labels("int_egress_tx_utilization", port);
    out.value(scaled(port.tx_utilization, names_.profile(port.key.switch_id).tx_utilization_scale));
  }
  const auto queue_family = [&](const char* name, const char* help, auto has, auto raw) {
    out.family(name, "gauge", help);
    for (const PortSnapshot& port : ports) {
      for (const QueueSnapshot& queue : port.queues) {
        if (!has(queue)) continue;
        labels(name, port);
        out.label("queue", std::uint64_t{queue.queue});
        out.value(occupancy(names_.profile(port.key.switch_id), raw(queue)));
      }
    }
  };
  queue_family(
      "int_queue_occupancy",
      "Occupancy of a queue: bytes where the switch counts bytes or cells, else packets.",
      [](const QueueSnapshot& queue) { return queue.has_occupancy; },
      [](const QueueSnapshot& queue) { return queue.occupancy; });
  queue_family(
      "int_queue_congestion", "Congestion status of a queue (INT 0.5), in the unit of occupancy.",
      [](const QueueSnapshot& queue) { return queue.has_congestion; },
      [](const QueueSnapshot& queue) { return queue.congestion; });
}

void TableExposition::write_drops(const pipeline::TableView& tables, TextWriter& out) const {
  // Two codes may have one name: one series then.
  std::map<std::pair<std::string, std::string>, std::uint64_t> drops;
  tables.for_each_drop([&](const pipeline::DropSnapshot& drop) {
    drops[{names_.switch_name(drop.switch_id), names_.drop_reason(drop.switch_id, drop.reason)}] +=
        drop.packets;
  });
  out.family("int_packet_drops_total", "counter", "Packets that switches reported as dropped.");
  for (const auto& [key, packets] : drops) {
    out.sample("int_packet_drops_total");
    out.label("switch", key.first);
    out.label("reason", key.second);
    out.value(packets);
  }
}

void TableExposition::write_sequences(const pipeline::TableView& tables, TextWriter& out) const {
  struct Sums {
    std::uint64_t missing = 0, late = 0, duplicates = 0, restarts = 0;
  };
  std::map<std::pair<std::string, std::uint32_t>, Sums> by_sender;
  tables.for_each_sequence([&](const pipeline::SequenceSnapshot& sequence) {
    if (sequence.constant) return;
    Sums& sums = by_sender[{names_.switch_name(sequence.switch_id), sequence.hw_id}];
    sums.missing += sequence.missing;
    sums.late += sequence.late;
    sums.duplicates += sequence.duplicates;
    sums.restarts += sequence.restarts;
  });
  const auto family = [&](const char* name, const char* help, std::uint64_t Sums::*value) {
    out.family(name, "counter", help);
    for (const auto& [key, sums] : by_sender) {
      out.sample(name);
      out.label("switch", key.first);
      out.label("hw_id", std::uint64_t{key.second});
      out.value(sums.*value);
    }
  };
  family("int_report_sequence_gaps_total",
         "Reports that never came, by their sequence numbers. Switch is empty where reports name "
         "none.",
         &Sums::missing);
  family("int_report_sequence_late_total", "Reports that came after a newer one.", &Sums::late);
  family("int_report_sequence_duplicates_total", "Reports whose number had come before.",
         &Sums::duplicates);
  family("int_report_sequence_restarts_total", "How often a sender began to count anew.",
         &Sums::restarts);
}

void TableExposition::write_sources(const pipeline::TableView& tables, TextWriter& out) const {
  const auto labels = [&](const pipeline::SequenceSnapshot& sender) {
    out.label("source", address_text(sender.source));
    out.label("switch", names_.switch_name(sender.switch_id));
    out.label("hw_id", std::uint64_t{sender.hw_id});
  };
  out.family("int_source_info", "gauge",
             "1 for each sender of reports, with the report versions that it sends and how it "
             "departs from the specification.");
  tables.for_each_sequence([&](const pipeline::SequenceSnapshot& sender) {
    out.sample("int_source_info");
    labels(sender);
    out.label("versions", versions_text(sender.versions));
    out.label("deviations", fmt::format("{}", fmt::join(deviation_labels(sender), ",")));
    out.value(std::uint64_t{1});
  });
  out.family("int_source_reports_total", "counter", "Datagrams with reports by their sender.");
  tables.for_each_sequence([&](const pipeline::SequenceSnapshot& sender) {
    out.sample("int_source_reports_total");
    labels(sender);
    out.value(sender.received);
  });
}

void TableExposition::write_formats(const pipeline::TableView& tables, TextWriter& out) const {
  const std::vector<FormatNames>& formats = names_.formats();
  std::vector<std::vector<pipeline::FormatSnapshot>> rows(formats.size());
  if (formats.empty()) return;
  tables.for_each_format(
      [&](const pipeline::FormatSnapshot& row) { rows[row.format].push_back(row); });
  for (std::size_t i = 0; i < formats.size(); ++i) write_format(formats[i], rows[i], out);
}

void TableExposition::write_format(const FormatNames& format,
                                   const std::vector<pipeline::FormatSnapshot>& rows,
                                   TextWriter& out) const {
  const std::string& name = format.config().name;
  const auto sample = [&](const std::string& metric, const pipeline::FormatSnapshot& row) {
    out.sample(metric);
    for (const auto& [label, value] : format.labels(row.key)) out.label(label, value);
  };
  const std::string reports = name + "_reports_total";
  out.family(reports, "counter", "Headers that came, by key.");
  for (const auto& row : rows) {
    sample(reports, row);
    out.value(row.reports);
  }
  if (!format.config().drop.empty()) {
    const std::string drops = name + "_drops_total";
    out.family(drops, "counter", "Headers that mark a dropped packet, by key.");
    for (const auto& row : rows) {
      sample(drops, row);
      out.value(row.drops);
    }
  }
  for (std::size_t i = 0; i < format.config().measurements.size(); ++i) {
    const std::string metric = format.metric(i);
    out.family(metric, "gauge",
               fmt::format("Newest {} of the key.", format.config().measurements[i].field));
    for (const auto& row : rows) {
      if (((row.present >> i) & 1) == 0) continue;
      sample(metric, row);
      out.value(scaled(static_cast<double>(row.value[i]), format.config().measurements[i].scale));
    }
  }
}

}  // namespace hopscope::exporter
