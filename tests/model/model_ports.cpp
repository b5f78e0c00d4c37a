// The ports, queues and switches of the model.

#include <algorithm>
#include <bit>

#include "model/model.h"

namespace hopscope::test::model {

using pipeline::EventKind;
using pipeline::Measurement;

namespace {

/// The first bucket whose bound, a power of two, is not exceeded.
unsigned bucket_of(std::uint64_t latency_ns) {
  unsigned bucket = 0;
  while (bucket + 1 < pipeline::kLatencyBuckets &&
         latency_ns > std::uint64_t{1} << (bucket + pipeline::kLatencyFirstBit)) {
    ++bucket;
  }
  return bucket;
}

}  // namespace

Model::Port* Model::port_row(const Hop& hop, std::uint32_t now_s) {
  if (hop.switch_id == pipeline::kNoSwitch) return nullptr;
  SwitchRow* owner =
      switch_rows_.find_or_add(hop.switch_id, [](const SwitchRow& row) { return row.ports == 0; });
  if (owner == nullptr) return nullptr;
  const PortId id{hop.switch_id, hop.port};
  const bool is_new = ports_.find(id) == nullptr;
  Port* port = ports_.find_or_add(id);
  if (port == nullptr || !is_new) return port;
  port->switch_id = hop.switch_id;
  port->port = hop.port;
  port->seen_s = port->refresh_s = now_s;
  ++owner->ports;
  return port;
}

void Model::apply_port(Port* port, const Hop& hop, const Moment& moment) {
  if (port == nullptr) return;
  if (hop.latency) {
    SwitchRow* owner = switch_rows_.find(hop.switch_id);
    const std::uint64_t latency_ns = switch_of(hop.switch_id).scale.latency_ns(*hop.latency);
    owner->latency_buckets[bucket_of(latency_ns)] += moment.weight;
    owner->latency_sum_ns += latency_ns * moment.weight;
  }
  port->seen_s = moment.time.now_s();
  // Its own time is nearer to a value than that of the sink.
  Moment own = moment;
  if (hop.time) {
    own.switch_time = hop.time;
    own.time_switch_id = hop.switch_id;
  }
  if (hop.tx) {
    watch(port->tx, tx_,
          {.port = {port->switch_id, port->port},
           .measurement = Measurement::kTxUtilization,
           .value = *hop.tx,
           .moment = own});
  }
  if (hop.occupancy) apply_queue(*port, Measurement::kQueueOccupancy, *hop.occupancy, own);
  if (hop.congestion) apply_queue(*port, Measurement::kQueueCongestion, *hop.congestion, own);
}

void Model::apply_queue(Port& port, Measurement measurement, const QueueValue& told,
                        const Moment& moment) {
  const PortId id{port.switch_id, port.port};
  // The port's first queue says which eight are its own; others have a row each.
  if (!port.first_queue) port.first_queue = told.queue / 8 * 8;
  Queue* queue = nullptr;
  if (told.queue / 8 * 8 == *port.first_queue) {
    std::optional<Queue>& place = port.queues[told.queue % 8];
    if (!place) place = Queue{.id = told.queue};
    queue = &*place;
  } else {
    const bool is_new = queues_.find({id, told.queue}) == nullptr;
    FurtherQueue* further = queues_.find_or_add({id, told.queue});
    if (further == nullptr) return;
    if (is_new) *further = {.port = id, .refresh_s = port.refresh_s, .queue = {.id = told.queue}};
    further->seen_s = moment.time.now_s();
    queue = &further->queue;
  }
  const bool is_occupancy = measurement == Measurement::kQueueOccupancy;
  watch(is_occupancy ? queue->occupancy : queue->congestion,
        is_occupancy ? occupancy_ : congestion_,
        {.port = id,
         .measurement = measurement,
         .queue = told.queue,
         .value = told.value,
         .moment = moment});
}

void Model::watch(Value& value, const Rule& rule, const Change& change) {
  value.value = change.value;
  if (value.interval && !rule.left(change.value, *value.interval)) return;
  const std::uint64_t next = rule.index(change.value);
  // Else the change is seen again on the next report.
  if (decide(change, next)) value.interval = next;
}

bool Model::tell(EventKind kind, const Change& change, std::optional<std::uint32_t> old) {
  pipeline::Event* event = claim(kind, change.measurement);
  if (event == nullptr) return false;
  stamp(*event, change.moment);
  event->has_switch = true;
  event->switch_id = change.port.first;
  event->has_port = change.port.second != pipeline::kNoPort;
  event->port = change.port.second;
  event->has_queue = change.measurement != Measurement::kTxUtilization;
  event->queue = change.queue;
  event->has_old = old.has_value();
  event->old_value = old.value_or(0);
  event->new_value = change.value;
  return true;
}

bool Model::decide(const Change& change, std::uint64_t interval) {
  const std::uint32_t now_s = change.moment.time.now_s();
  Decision* decision = decisions_.find_or_add(
      {change.port, change.measurement, change.queue}, [&](const Decision& old) {
        return now_s - old.last_event_s >= options_.tables.idle_timeout_s + 1;
      });
  if (decision == nullptr) {
    (void)tell(EventKind::kValueMoved, change, std::nullopt);
    return true;
  }
  if (decision->known && decision->interval == interval) return true;
  bool told = true;
  if (decision->known) {
    told = tell(EventKind::kValueMoved, change, decision->value);
  } else if (options_.events.new_key) {
    told = tell(EventKind::kNewKey, change, std::nullopt);
  }
  if (!told) return false;
  *decision = {.known = true, .interval = interval, .value = change.value, .last_event_s = now_s};
  return true;
}

void Model::decide_refresh(const Change& change) {
  const std::uint32_t now_s = change.moment.time.now_s();
  Decision* decision = decisions_.find_or_add(
      {change.port, change.measurement, change.queue}, [&](const Decision& old) {
        return now_s - old.last_event_s >= options_.tables.idle_timeout_s + 1;
      });
  if (decision == nullptr || !decision->known) return;
  if (now_s - decision->last_event_s < options_.events.refresh_s) return;
  if (!tell(EventKind::kRefresh, change, decision->value)) return;
  decision->last_event_s = now_s;
  decision->value = change.value;
}

bool Model::may_refresh(std::uint32_t last_s, std::uint32_t now_s) const {
  const std::uint32_t period_s = options_.events.refresh_s;
  return period_s != 0 && now_s - last_s >= (period_s + 3) / 4;
}

void Model::sweep_ports(std::uint32_t rows, const Time& time) {
  const std::uint32_t ports = ports_.end();
  const std::uint32_t all = ports + queues_.end();
  for (rows = std::min(rows, all); rows > 0; --rows) {
    const std::uint32_t at = port_walk_.next(all);
    if (at < ports) {
      sweep_port(at, time);
    } else {
      sweep_queue(at - ports, time);
    }
  }
}

void Model::sweep_port(std::uint32_t number, const Time& time) {
  Port* port = ports_.at(number);
  if (port == nullptr) return;
  if (is_idle(port->seen_s, time.now_s())) {
    --switch_rows_.find(port->switch_id)->ports;
    ports_.erase(number);
    return;
  }
  if (!may_refresh(port->refresh_s, time.now_s())) return;
  port->refresh_s = time.now_s();
  const PortId id{port->switch_id, port->port};
  if (port->tx.value) {
    Moment moment{.time = time, .time_switch_id = port->switch_id};
    decide_refresh({.port = id,
                    .measurement = Measurement::kTxUtilization,
                    .value = *port->tx.value,
                    .moment = moment});
  }
  for (const std::optional<Queue>& queue : port->queues) {
    if (queue) refresh_queue(id, *queue, time);
  }
}

void Model::sweep_queue(std::uint32_t number, const Time& time) {
  FurtherQueue* queue = queues_.at(number);
  if (queue == nullptr) return;
  if (is_idle(queue->seen_s, time.now_s())) {
    queues_.erase(number);
    return;
  }
  if (!may_refresh(queue->refresh_s, time.now_s())) return;
  queue->refresh_s = time.now_s();
  refresh_queue(queue->port, queue->queue, time);
}

void Model::refresh_queue(const PortId& port, const Queue& queue, const Time& time) {
  const auto refresh = [&](Measurement measurement, const Value& value) {
    if (!value.value) return;
    Moment moment{.time = time, .time_switch_id = port.first};
    decide_refresh({.port = port,
                    .measurement = measurement,
                    .queue = queue.id,
                    .value = *value.value,
                    .moment = moment});
  };
  refresh(Measurement::kQueueOccupancy, queue.occupancy);
  refresh(Measurement::kQueueCongestion, queue.congestion);
}

void Model::for_each_port(const std::function<void(const pipeline::PortSnapshot&)>& visit) const {
  // A queue may have two values where its port was forgotten and came back: the newer one counts,
  // which is the one in the port's row.
  std::map<PortId, std::map<std::uint32_t, pipeline::QueueSnapshot>> queues;
  std::map<PortId, pipeline::PortSnapshot> ports;
  const auto add = [&](const PortId& port, const Queue& queue) {
    if (!queue.occupancy.value && !queue.congestion.value) return;
    queues[port].try_emplace(
        queue.id, pipeline::QueueSnapshot{.queue = queue.id,
                                          .has_occupancy = queue.occupancy.value.has_value(),
                                          .has_congestion = queue.congestion.value.has_value(),
                                          .occupancy = queue.occupancy.value.value_or(0),
                                          .congestion = queue.congestion.value.value_or(0)});
  };
  const auto add_port = [&](const PortId& id) -> pipeline::PortSnapshot& {
    pipeline::PortSnapshot& port = ports[id];
    port.key = {.switch_id = id.first, .port = id.second};
    return port;
  };
  ports_.for_each([&](const PortId& id, const Port& row) {
    pipeline::PortSnapshot& port = add_port(id);
    port.has_tx_utilization = row.tx.value.has_value();
    port.tx_utilization = row.tx.value.value_or(0);
    for (const std::optional<Queue>& queue : row.queues) {
      if (queue) add(id, *queue);
    }
  });
  queues_.for_each([&](const auto& /*key*/, const FurtherQueue& row) {
    add_port(row.port);
    add(row.port, row.queue);
  });
  for (auto& [id, port] : ports) {
    for (const auto& [number, queue] : queues[id]) port.queues.push_back(queue);
    visit(port);
  }
}

void Model::for_each_switch(
    const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const {
  switch_rows_.for_each([&](std::uint32_t id, const SwitchRow& row) {
    pipeline::SwitchSnapshot snapshot{.switch_id = id, .latency_sum_ns = row.latency_sum_ns};
    for (const auto& [bucket, count] : row.latency_buckets)
      snapshot.latency_buckets[bucket] = count;
    visit(snapshot);
  });
}

}  // namespace hopscope::test::model
