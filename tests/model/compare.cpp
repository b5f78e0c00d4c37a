#include "model/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "export/names/names.h"
#include "support/render.h"

namespace hopscope::test::model {
namespace {

std::string text_of(const pipeline::IpAddress& address) {
  return fmt::format("{}:{:02x}", address.version, fmt::join(address.bytes, ""));
}

std::string text_of(const pipeline::FlowKey& key) {
  return fmt::format("{} > {} {} {} {}", text_of(key.source), text_of(key.destination),
                     key.source_port, key.destination_port, key.protocol);
}

std::string text_of(const pipeline::Path& path) {
  return fmt::format("{}{}",
                     fmt::join(path.switch_id.begin(), path.switch_id.begin() + path.count, "-"),
                     path.longer ? "+" : "");
}

std::string text_of(const pipeline::FlowSnapshot& flow) {
  std::string text =
      fmt::format("flow {} reports {} drops {} changes {} seen {} latency {} {} {} {}{}",
                  text_of(flow.key), flow.reports, flow.drops, flow.path_changes, flow.last_seen_ns,
                  flow.has_latency, flow.has_latency ? flow.latency_ns : 0, flow.timed,
                  flow.postcards ? "postcards" : "path", flow.longer ? "+" : "");
  for (unsigned i = 0; i < flow.hop_count; ++i) {
    const pipeline::HopSnapshot& hop = flow.hops[i];
    // A record keeps the low half of the port.
    text += fmt::format(" {}/{}:", hop.switch_id, hop.egress_port & 0xFFFF);
    text += hop.has_latency ? std::to_string(hop.latency) : "none";
  }
  return text;
}

std::string text_of(const pipeline::PortSnapshot& port) {
  std::string text =
      fmt::format("port {} {} tx {} {}", port.key.switch_id, port.key.port, port.has_tx_utilization,
                  port.has_tx_utilization ? port.tx_utilization : 0);
  for (const pipeline::QueueSnapshot& queue : port.queues) {
    text += fmt::format(" queue {}: {} {} {} {}", queue.queue, queue.has_occupancy, queue.occupancy,
                        queue.has_congestion, queue.congestion);
  }
  return text;
}

}  // namespace

bool is_same(const pipeline::Event& a, const pipeline::Event& b) {
  return a.kind == b.kind && a.measurement == b.measurement && a.has_flow == b.has_flow &&
         a.has_switch == b.has_switch && a.has_port == b.has_port && a.has_queue == b.has_queue &&
         a.has_old == b.has_old && a.has_switch_time == b.has_switch_time && a.timed == b.timed &&
         a.has_sender == b.has_sender && a.hw_id == b.hw_id && a.flow == b.flow &&
         a.switch_id == b.switch_id && a.port == b.port && a.queue == b.queue &&
         a.old_value == b.old_value && a.new_value == b.new_value &&
         a.switch_time == b.switch_time && a.time_switch_id == b.time_switch_id &&
         a.receive_time_ns == b.receive_time_ns && a.has_format == b.has_format &&
         a.old_path == b.old_path && a.new_path == b.new_path;
}

std::string text_of(const pipeline::Event& e) {
  return fmt::format(
      "{} {} flow {} {} switch {} {} port {} {} queue {} {} values {} {} {} timed {} sender {} {} "
      "time {} {} {} {} path {} > {}",
      label(e.kind), label(e.measurement), e.has_flow, text_of(e.flow), e.has_switch, e.switch_id,
      e.has_port, e.port, e.has_queue, e.queue, e.has_old, e.old_value, e.new_value, e.timed,
      e.has_sender, e.hw_id, e.has_switch_time, e.switch_time, e.time_switch_id, e.receive_time_ns,
      text_of(e.old_path), text_of(e.new_path));
}

std::string difference(const std::vector<pipeline::Event>& wanted,
                       const std::vector<pipeline::Event>& found) {
  const auto [a, b] =
      std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end(), is_same);
  if (a == wanted.end() && b == found.end()) return "";
  return fmt::format("event {}:\n{}\nand not\n{}", a - wanted.begin(),
                     b == found.end() ? "no more" : text_of(*b),
                     a == wanted.end() ? "no more" : text_of(*a));
}

std::vector<std::string> rows_of(const pipeline::TableView& tables) {
  std::vector<std::string> rows;
  tables.for_each_flow([&](const auto& flow) { rows.push_back(text_of(flow)); });
  tables.for_each_port([&](const auto& port) { rows.push_back(text_of(port)); });
  tables.for_each_switch([&](const pipeline::SwitchSnapshot& row) {
    const auto& buckets = row.latency_buckets;
    // A row that was given up for another switch is empty.
    if (std::all_of(buckets.begin(), buckets.end(), [](auto count) { return count == 0; })) return;
    rows.push_back(
        fmt::format("switch {} {} {}", row.switch_id, row.latency_sum_ns, fmt::join(buckets, " ")));
  });
  tables.for_each_drop([&](const pipeline::DropSnapshot& drop) {
    rows.push_back(fmt::format("drop {} {} {}", drop.switch_id, drop.reason, drop.packets));
  });
  tables.for_each_sequence([&](const pipeline::SequenceSnapshot& s) {
    rows.push_back(
        fmt::format("sender {} {} {}: {} missing {} late {} doubled {} starts {} {} {} {}",
                    text_of(s.source), s.switch_id, s.hw_id, s.received, s.missing, s.late,
                    s.duplicates, s.restarts, s.versions, s.deviations, s.constant));
  });
  tables.for_each_link([&](const pipeline::LinkSnapshot& link) {
    rows.push_back(fmt::format("link {} {} {} {}: {} {}", link.from.switch_id, link.from.port,
                               link.to.switch_id, link.to.port, link.latency_ns,
                               link.last_seen_ns));
  });
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<std::string> exposition_of(const pipeline::TableView& tables) {
  const exporter::Names names{pipeline::SwitchOptions{}, {}};
  exporter::FlowSeriesOptions flows;
  flows.series = exporter::FlowSeries::kAll;
  const std::string text = text_of_tables(tables, flows, names);
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> counts_of(const pipeline::TableView& tables) {
  const pipeline::CounterSnapshot total = tables.total();
  std::vector<std::string> lines;
  const auto add = [&](std::string_view name, std::uint64_t count) {
    lines.push_back(fmt::format("{} {}", name, count));
  };
  add("frames", total.frames);
  add("bytes", total.bytes);
  add("decoded", total.decoded);
  add("reports", total.reports);
  add("hops", total.hops);
  add("handoff_dropped", total.handoff_dropped);
  add("changes_dropped", total.changes_dropped);
  add("events_dropped", total.events_dropped);
  add("ipv4_checksum_wrong", total.ipv4_checksum_wrong);
  add("udp_checksum_wrong", total.udp_checksum_wrong);
  for (std::size_t i = 0; i < pipeline::kDecodeErrorCount; ++i) {
    add(fmt::format("dropped {}", pipeline::kDecodeErrors[i].label), total.dropped[i]);
    add(fmt::format("error {}", pipeline::kDecodeErrors[i].label), total.errors[i]);
  }
  for (std::size_t version = 0; version < total.reports_by.size(); ++version) {
    for (std::size_t kind = 0; kind < kCountOf<pipeline::ReportKind>; ++kind) {
      add(fmt::format("reports {} {}", pipeline::kVersionLabels[version],
                      label(static_cast<pipeline::ReportKind>(kind))),
          total.reports_by[version][kind]);
    }
  }
  for (std::size_t kind = 0; kind < kCountOf<pipeline::EventKind>; ++kind) {
    add(fmt::format("events {}", label(static_cast<pipeline::EventKind>(kind))),
        total.events[kind]);
  }
  for (std::size_t i = 0; i < kCountOf<pipeline::Table>; ++i) {
    const std::string_view table = label(static_cast<pipeline::Table>(i));
    add(fmt::format("entries {}", table), total.entries[i]);
    add(fmt::format("refused {}", table), total.refused[i]);
    add(fmt::format("evicted {}", table), total.evicted[i]);
    add(fmt::format("expired {}", table), total.expired[i]);
  }
  return lines;
}

std::string difference(const std::vector<std::string>& wanted,
                       const std::vector<std::string>& found) {
  const auto [a, b] = std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end());
  if (a == wanted.end() && b == found.end()) return "";
  return fmt::format("line {}:\n{}\nand not\n{}", a - wanted.begin(),
                     b == found.end() ? "no more" : *b, a == wanted.end() ? "no more" : *a);
}

}  // namespace hopscope::test::model
