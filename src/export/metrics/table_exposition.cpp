#include "export/metrics/table_exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "export/metrics/flow_exposition.h"
#include "export/metrics/held_ports.h"
#include "export/names/event_value.h"
#include "export/names/families.h"
#include "export/names/scale.h"

namespace hopscope::exporter {
namespace {

using pipeline::kLatencyBuckets;
using pipeline::kNoPort;
using pipeline::PortSnapshot;
using pipeline::QueueSnapshot;

/// A port that was not reported is empty.
void add_port(Labels& labels, std::string_view name, std::uint32_t port) {
  if (port == kNoPort) {
    labels.add(name, "");
  } else {
    labels.add(name, std::uint64_t{port});
  }
}

bool wants_switch(const ScrapeView& view, std::uint32_t id) {
  return view.wants_switch(id) && view.in_shard(shard_hash(id));
}

/// Upper bounds in seconds.
std::array<double, kLatencyBuckets - 1> latency_bounds() {
  std::array<double, kLatencyBuckets - 1> bounds{};
  for (unsigned i = 0; i < bounds.size(); ++i) {
    bounds[i] = static_cast<double>(1ULL << (i + pipeline::kLatencyFirstBit)) / 1e9;
  }
  return bounds;
}

/// 2^n ns stand as 2^(n-30) s, which are 6.9% less: the buckets are powers of two of nanoseconds,
/// those of schema 0 of seconds. No finer schema has bounds that far apart, so any other would
/// claim to know more than is known. Sum and count stay right.
constexpr NativeBuckets kNativeLatency{.zero_threshold = 1.0 / (1 << 23), .first_index = -22};
static_assert(pipeline::kLatencyFirstBit == 7, "kNativeLatency says so");

/// Exemplars of one switch, and the text that they refer to.
class SwitchExemplars {
 public:
  explicit SwitchExemplars(LabelFormat format) : labels_(kLatencyBuckets, Labels(format)) {}

  /// The newer of what events told and what was seen.
  std::span<const std::optional<Exemplar>> find(const Exemplars& told, const Exemplars& seen,
                                                std::uint32_t switch_id) {
    for (unsigned i = 0; i < kLatencyBuckets; ++i) {
      Exemplars::Found found;
      Exemplars::Found other;
      exemplars_[i].reset();
      const bool was_told = told.find(switch_id, i, found);
      if (seen.find(switch_id, i, other) && (!was_told || other.time_ns >= found.time_ns)) {
        found = other;
      } else if (!was_told) {
        continue;
      }
      labels_[i].clear();
      add_flow_labels(labels_[i], found.flow);
      exemplars_[i] = {.labels = labels_[i].bytes(),
                       .value = static_cast<double>(found.latency_ns) / 1e9,
                       .time_ns = found.time_ns};
    }
    return exemplars_;
  }

 private:
  std::vector<Labels> labels_;
  std::array<std::optional<Exemplar>, kLatencyBuckets> exemplars_{};
};

}  // namespace

void TableExposition::write(const pipeline::TableView& tables, SeriesWriter& out) {
  std::optional<Exemplars> seen;
  if (exemplars_ != nullptr && out.takes_exemplars() &&
      out.view().wants_family(families::kHopLatency.name)) {
    seen.emplace(exemplars_->another());
  }
  suppressed_ = write_flows(tables, options_, names_, seen ? &*seen : nullptr, out);
  write_hop_latency(tables, seen ? &*seen : nullptr, out);
  write_ports(tables, out);
  write_drops(tables, out);
  write_sequences(tables, out);
  write_sources(tables, out);
  write_links(tables, out);
  write_formats(tables, out);
}

void TableExposition::write_links(const pipeline::TableView& tables, SeriesWriter& out) const {
  if (!out.begin(families::kLinkLatency)) return;
  const ScrapeView& view = out.view();
  tables.for_each_link([&](const pipeline::LinkSnapshot& link) {
    if (!view.wants_switch(link.from.switch_id) && !view.wants_switch(link.to.switch_id)) return;
    if (!view.in_shard(shard_hash(link.from.switch_id, link.from.port))) return;
    out.labels.clear();
    out.labels.add("from", names_.switch_name(link.from.switch_id));
    add_port(out.labels, "from_port", link.from.port);
    out.labels.add("to", names_.switch_name(link.to.switch_id));
    add_port(out.labels, "to_port", link.to.port);
    out.sample(static_cast<double>(link.latency_ns) / 1e9);
  });
}

void TableExposition::write_hop_latency(const pipeline::TableView& tables, const Exemplars* seen,
                                        SeriesWriter& out) const {
  if (!out.begin(families::kHopLatency)) return;
  static const auto bounds = latency_bounds();
  SwitchExemplars exemplars(out.label_format());
  tables.for_each_switch([&](const pipeline::SwitchSnapshot& row) {
    const auto& counts = row.latency_buckets;
    const bool is_empty =
        std::all_of(counts.begin(), counts.end(), [](std::uint64_t count) { return count == 0; });
    if (is_empty || !wants_switch(out.view(), row.switch_id)) return;
    out.labels.clear();
    out.labels.add("switch", names_.switch_name(row.switch_id));
    HistogramValue value{.bounds = bounds,
                         .counts = counts,
                         .sum = static_cast<double>(row.latency_sum_ns) / 1e9,
                         .native = kNativeLatency};
    if (seen != nullptr) value.exemplars = exemplars.find(*exemplars_, *seen, row.switch_id);
    out.histogram(value);
  });
}

void TableExposition::write_ports(const pipeline::TableView& tables, SeriesWriter& out) const {
  std::optional<HeldPorts> ports;
  const auto each_port = [&](const auto& visit) {
    if (!ports) ports.emplace(tables, out.view());
    ports->for_each([&](const PortSnapshot& port) {
      out.labels.clear();
      out.labels.add("switch", names_.switch_name(port.key.switch_id));
      add_port(out.labels, "port", port.key.port);
      visit(port);
    });
  };
  if (out.begin(families::kEgressTxUtilization)) {
    each_port([&](const PortSnapshot& port) {
      if (!port.has_tx_utilization) return;
      out.sample(
          scaled(port.tx_utilization, names_.profile(port.key.switch_id).tx_utilization_scale));
    });
  }
  const auto queue_family = [&](const Family& family, auto has, auto raw) {
    if (!out.begin(family)) return;
    each_port([&](const PortSnapshot& port) {
      const std::size_t mark = out.labels.mark();
      for (const QueueSnapshot& queue : port.queues) {
        if (!has(queue)) continue;
        out.labels.cut(mark);
        out.labels.add("queue", std::uint64_t{queue.queue});
        out.sample(occupancy_of(names_.profile(port.key.switch_id), raw(queue)));
      }
    });
  };
  queue_family(
      families::kQueueOccupancy, [](const QueueSnapshot& queue) { return queue.has_occupancy; },
      [](const QueueSnapshot& queue) { return queue.occupancy; });
  queue_family(
      families::kQueueCongestion, [](const QueueSnapshot& queue) { return queue.has_congestion; },
      [](const QueueSnapshot& queue) { return queue.congestion; });
}

void TableExposition::write_drops(const pipeline::TableView& tables, SeriesWriter& out) const {
  if (!out.begin(families::kPacketDrops)) return;
  // Two codes may have one name: one series then.
  std::map<std::pair<std::string, std::string>, std::uint64_t> drops;
  tables.for_each_drop([&](const pipeline::DropSnapshot& drop) {
    if (!wants_switch(out.view(), drop.switch_id)) return;
    drops[{names_.switch_name(drop.switch_id), names_.drop_reason(drop.switch_id, drop.reason)}] +=
        drop.packets;
  });
  for (const auto& [key, packets] : drops) {
    out.labels.clear();
    out.labels.add("switch", key.first);
    out.labels.add("reason", key.second);
    out.sample(packets);
  }
}

void TableExposition::write_sequences(const pipeline::TableView& tables, SeriesWriter& out) const {
  struct Sums {
    std::uint64_t missing = 0, late = 0, duplicates = 0, restarts = 0;
  };
  std::map<std::pair<std::string, std::uint32_t>, Sums> by_sender;
  bool is_summed = false;
  const auto sum = [&] {
    is_summed = true;
    tables.for_each_sequence([&](const pipeline::SequenceSnapshot& sender) {
      if (sender.constant || !wants_switch(out.view(), sender.switch_id)) return;
      Sums& sums = by_sender[{names_.switch_name(sender.switch_id), sender.hw_id}];
      sums.missing += sender.missing;
      sums.late += sender.late;
      sums.duplicates += sender.duplicates;
      sums.restarts += sender.restarts;
    });
  };
  const auto write = [&](const Family& family, std::uint64_t Sums::*value) {
    if (!out.begin(family)) return;
    if (!is_summed) sum();
    for (const auto& [key, sums] : by_sender) {
      out.labels.clear();
      out.labels.add("switch", key.first);
      out.labels.add("hw_id", std::uint64_t{key.second});
      out.sample(sums.*value);
    }
  };
  write(families::kReportSequenceGaps, &Sums::missing);
  write(families::kReportSequenceLate, &Sums::late);
  write(families::kReportSequenceDuplicates, &Sums::duplicates);
  write(families::kReportSequenceRestarts, &Sums::restarts);
}

void TableExposition::write_sources(const pipeline::TableView& tables, SeriesWriter& out) const {
  const auto each_sender = [&](const Family& family, const auto& write) {
    if (!out.begin(family)) return;
    tables.for_each_sequence([&](const pipeline::SequenceSnapshot& sender) {
      if (!wants_switch(out.view(), sender.switch_id)) return;
      out.labels.clear();
      out.labels.add("source", sender.source);
      out.labels.add("switch", names_.switch_name(sender.switch_id));
      out.labels.add("hw_id", std::uint64_t{sender.hw_id});
      write(sender);
    });
  };
  each_sender(families::kSourceInfo, [&](const pipeline::SequenceSnapshot& sender) {
    out.labels.add("versions", versions_text(sender.versions));
    out.labels.add("deviations", fmt::format("{}", fmt::join(deviation_labels(sender), ",")));
    out.sample(std::uint64_t{1});
  });
  each_sender(families::kSourceReports,
              [&](const pipeline::SequenceSnapshot& sender) { out.sample(sender.received); });
}

void TableExposition::write_formats(const pipeline::TableView& tables, SeriesWriter& out) const {
  for (std::size_t i = 0; i < names_.formats().size(); ++i) write_format(i, tables, out);
}

void TableExposition::write_format(std::size_t index, const pipeline::TableView& tables,
                                   SeriesWriter& out) const {
  const FormatNames& format = names_.formats()[index];
  const std::string& name = format.config().name;
  const auto family = [&](const std::string& metric, FamilyType type, std::string_view help,
                          const auto& write) {
    if (!out.begin({metric, type, help})) return;
    tables.for_each_format([&](const pipeline::FormatSnapshot& row) {
      // Keys of one's own headers name no switch.
      if (row.format != index || !out.view().switches.empty()) return;
      if (!out.view().in_shard(shard_hash(row.key[1], row.key[3]))) return;
      out.labels.clear();
      for (const auto& [label, value] : format.labels(row.key)) out.labels.add(label, value);
      write(row);
    });
  };
  family(name + "_reports_total", FamilyType::kCounter, "Headers that came, by key.",
         [&](const auto& row) { out.sample(row.reports); });
  if (!format.config().drop.empty()) {
    family(name + "_drops_total", FamilyType::kCounter,
           "Headers that mark a dropped packet, by key.",
           [&](const auto& row) { out.sample(row.drops); });
  }
  for (std::size_t i = 0; i < format.config().measurements.size(); ++i) {
    const auto& measurement = format.config().measurements[i];
    family(format.metric(i), FamilyType::kGauge,
           fmt::format("Newest {} of the key.", measurement.field), [&](const auto& row) {
             if (((row.present >> i) & 1) == 0) return;
             out.sample(scaled(static_cast<double>(row.value[i]), measurement.scale));
           });
  }
}

}  // namespace hopscope::exporter
