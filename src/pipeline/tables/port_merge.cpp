#include "pipeline/tables/port_merge.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace hopscope::pipeline {
namespace {

struct MergedQueue {
  QueueSnapshot values;
  std::uint32_t stamp = 0;
};

struct MergedPort {
  bool has_tx = false;
  std::uint32_t tx_utilization = 0;
  std::uint32_t tx_stamp = 0;
  std::vector<MergedQueue> queues;  ///< few: looked through
};

/// A row of a worker that says something of a port.
struct RowRef {
  PortKey key;
  std::uint32_t row;
  std::uint16_t worker;
  bool is_overflow;  ///< a row of the queues beyond the port's own
};

/// Modulo 2^32: no stamp that the sweep has kept is over 18 minutes old.
bool newer(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(a - b) > 0;
}

void add_queue(MergedPort& port, const QueueSnapshot& queue, std::uint32_t stamp) {
  const auto at = std::find_if(port.queues.begin(), port.queues.end(), [&](const auto& known) {
    return known.values.queue == queue.queue;
  });
  if (at == port.queues.end()) {
    port.queues.push_back({queue, stamp});
    return;
  }
  MergedQueue& merged = *at;
  if (!newer(stamp, merged.stamp)) {
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
  merged = {queue, stamp};
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
  const auto when = [&](std::uint8_t tick, std::uint32_t stamp) {
    return tick == kNoTick ? stamp : stamp_with(tick, row.swept);
  };
  const bool has_tx = row.tx_utilization != kNoValue;
  const std::uint32_t tx_stamp = when(row.tx_tick, row.tx_stamp);
  if (has_tx && (!port.has_tx || newer(tx_stamp, port.tx_stamp))) {
    port.has_tx = true;
    port.tx_utilization = row.tx_utilization;
    port.tx_stamp = tx_stamp;
  }
  for (unsigned i = 0; i < kInlineQueues; ++i) {
    const bool has_occupancy = ((row.occupancy_seen >> i) & 1) != 0;
    const bool has_congestion = row.congestion[i] != kNoValue;
    if (!has_occupancy && !has_congestion) continue;
    add_queue(port,
              {.queue = row.group * kInlineQueues + i,
               .has_occupancy = has_occupancy,
               .has_congestion = has_congestion,
               .occupancy = row.occupancy[i] & kOccupancyMask,
               .congestion = has_congestion ? row.congestion[i] : 0},
              when(tick_in(row.occupancy[i]), row.queue_stamp[i]));
  }
}

/// Into `snapshot`, whose memory is used again.
void copy_into(PortSnapshot& snapshot, const PortKey& key, MergedPort& port) {
  std::sort(port.queues.begin(), port.queues.end(),
            [](const auto& a, const auto& b) { return a.values.queue < b.values.queue; });
  snapshot.key = key;
  snapshot.has_tx_utilization = port.has_tx;
  snapshot.tx_utilization = port.tx_utilization;
  snapshot.queues.clear();
  for (const MergedQueue& queue : port.queues) snapshot.queues.push_back(queue.values);
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
            row.stamp);
}

}  // namespace

void visit_ports(const std::vector<const Tables*>& workers,
                 const std::function<void(const PortSnapshot&)>& visit) {
  // References are sorted instead of copies: 16 bytes a row.
  std::vector<RowRef> rows;
  for (std::uint16_t worker = 0; worker < workers.size(); ++worker) {
    const auto add = [&](const auto& table, bool is_overflow) {
      // Half of one key and half of another are seen below, where rows are read under their lock.
      table.for_each_place([&](const auto& row, std::uint32_t index) {
        rows.push_back({{peek(row.switch_id), peek(row.port)}, index, worker, is_overflow});
      });
    };
    add(workers[worker]->ports().ports(), false);
    add(workers[worker]->ports().queues(), true);
  }
  std::sort(rows.begin(), rows.end(), [](const RowRef& a, const RowRef& b) {
    return std::tie(a.key, a.worker, a.is_overflow, a.row) <
           std::tie(b.key, b.worker, b.is_overflow, b.row);
  });
  MergedPort port;
  PortSnapshot snapshot;
  for (std::size_t i = 0; i < rows.size();) {
    const PortKey key = rows[i].key;
    port.has_tx = false;
    port.queues.clear();
    bool is_there = false;
    // A row may have gone to another key since it was looked at.
    for (; i < rows.size() && rows[i].key == key; ++i) {
      const PortState& ports = workers[rows[i].worker]->ports();
      const auto take = [&](auto row, const auto& table, const auto& add) {
        if (!read_row(table[rows[i].row], row) || row.live == 0) return;
        if (PortKey{row.switch_id, row.port} != key) return;
        add(port, row);
        is_there = true;
      };
      if (rows[i].is_overflow) {
        take(QueueRow{}, ports.queues(), add_overflow);
      } else {
        take(PortRow{}, ports.ports(), add_row);
      }
    }
    if (!is_there) continue;
    copy_into(snapshot, key, port);
    visit(snapshot);
  }
}

}  // namespace hopscope::pipeline
