#include "pipeline/port_merge.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hopscope::pipeline {
namespace {

struct MergedQueue {
  QueueSnapshot values;
  std::uint32_t seen_us = 0;
};

struct MergedPort {
  bool has_tx = false;
  std::uint32_t tx_utilization = 0;
  std::uint32_t tx_us = 0;
  std::map<std::uint32_t, MergedQueue> queues;
};

/// Modulo 2^32: rows of ports silent for longer than the idle time do not come here.
bool newer(std::uint32_t a_us, std::uint32_t b_us) noexcept {
  return static_cast<std::int32_t>(a_us - b_us) > 0;
}

void add_queue(MergedPort& port, const QueueSnapshot& queue, std::uint32_t seen_us) {
  const auto [at, is_new] = port.queues.try_emplace(queue.queue, MergedQueue{queue, seen_us});
  MergedQueue& merged = at->second;
  if (is_new || !newer(seen_us, merged.seen_us)) {
    if (!merged.values.has_occupancy && queue.has_occupancy) {
      merged.values.has_occupancy = true;
      merged.values.occupancy = queue.occupancy;
    }
    if (!merged.values.has_congestion && queue.has_congestion) {
      merged.values.has_congestion = true;
      merged.values.congestion = queue.congestion;
    }
    return;
  }
  const QueueSnapshot old = merged.values;
  merged = {queue, seen_us};
  if (!queue.has_occupancy && old.has_occupancy) {
    merged.values.has_occupancy = true;
    merged.values.occupancy = old.occupancy;
  }
  if (!queue.has_congestion && old.has_congestion) {
    merged.values.has_congestion = true;
    merged.values.congestion = old.congestion;
  }
}

void add_row(MergedPort& port, const PortRow& row) {
  const bool has_tx = row.tx_utilization != kNoValue;
  if (has_tx && (!port.has_tx || newer(row.tx_us, port.tx_us))) {
    port.has_tx = true;
    port.tx_utilization = row.tx_utilization;
    port.tx_us = row.tx_us;
  }
  for (unsigned i = 0; i < kInlineQueues; ++i) {
    const bool has_occupancy = ((row.occupancy_seen >> i) & 1) != 0;
    const bool has_congestion = row.congestion[i] != kNoValue;
    if (!has_occupancy && !has_congestion) continue;
    add_queue(port,
              {.queue = row.occupancy[i] >> 24,
               .has_occupancy = has_occupancy,
               .has_congestion = has_congestion,
               .occupancy = row.occupancy[i] & 0x00FF'FFFF,
               .congestion = has_congestion ? row.congestion[i] : 0},
              row.queue_us[i]);
  }
}

PortSnapshot snapshot_of(const PortKey& key, const MergedPort& port) {
  PortSnapshot snapshot;
  snapshot.key = key;
  snapshot.has_tx_utilization = port.has_tx;
  snapshot.tx_utilization = port.tx_utilization;
  snapshot.queues.reserve(port.queues.size());
  for (const auto& [id, queue] : port.queues) snapshot.queues.push_back(queue.values);
  return snapshot;
}

void add_overflow(MergedPort& port, const QueueRow& row) {
  const bool has_occupancy = row.occupancy != kNoValue;
  const bool has_congestion = row.congestion != kNoValue;
  if (!has_occupancy && !has_congestion) return;
  add_queue(port,
            {.queue = row.queue,
             .has_occupancy = has_occupancy,
             .has_congestion = has_congestion,
             .occupancy = has_occupancy ? row.occupancy : 0,
             .congestion = has_congestion ? row.congestion : 0},
            row.seen_us);
}

}  // namespace

void visit_ports(const std::vector<const Tables*>& workers,
                 const std::function<void(const PortSnapshot&)>& visit) {
  std::map<PortKey, MergedPort> ports;
  for (const Tables* tables : workers) {
    tables->ports().ports().for_each([&](const PortRow& row) {
      if (row.live != 0) add_row(ports[{row.switch_id, row.port}], row);
    });
    tables->ports().queues().for_each([&](const QueueRow& row) {
      if (row.live != 0) add_overflow(ports[{row.switch_id, row.port}], row);
    });
  }
  for (const auto& [key, port] : ports) visit(snapshot_of(key, port));
}

}  // namespace hopscope::pipeline
