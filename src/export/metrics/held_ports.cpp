#include "export/metrics/held_ports.h"

namespace hopscope::exporter {

using pipeline::PortSnapshot;

HeldPorts::HeldPorts(const pipeline::TableView& tables, const ScrapeView& view)
    : tables_(tables), view_(view) {
  tables.for_each_port([&](const PortSnapshot& port) {
    if (are_too_many_ || !wants(port)) return;
    are_too_many_ = ports_.size() == kMaxPorts || queues_.size() + port.queues.size() > kMaxQueues;
    queues_.insert(queues_.end(), port.queues.begin(), port.queues.end());
    ports_.push_back({.key = port.key,
                      .has_tx_utilization = port.has_tx_utilization,
                      .tx_utilization = port.tx_utilization,
                      .queues_end = queues_.size()});
  });
  if (!are_too_many_) return;
  ports_ = {};
  queues_ = {};
}

bool HeldPorts::wants(const PortSnapshot& port) const {
  return view_.wants_switch(port.key.switch_id) &&
         view_.in_shard(shard_hash(port.key.switch_id, port.key.port));
}

void HeldPorts::for_each(const std::function<void(const PortSnapshot&)>& visit) const {
  if (are_too_many_) {
    tables_.for_each_port([&](const PortSnapshot& port) {
      if (wants(port)) visit(port);
    });
    return;
  }
  PortSnapshot snapshot;
  auto queue = queues_.begin();
  for (const Port& port : ports_) {
    const auto end = queues_.begin() + static_cast<std::ptrdiff_t>(port.queues_end);
    snapshot.key = port.key;
    snapshot.has_tx_utilization = port.has_tx_utilization;
    snapshot.tx_utilization = port.tx_utilization;
    snapshot.queues.assign(queue, end);
    queue = end;
    visit(snapshot);
  }
}

}  // namespace hopscope::exporter
