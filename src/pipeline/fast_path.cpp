#include "pipeline/fast_path.h"

#include <algorithm>

#include "pipeline/internet_checksum.h"

namespace hopscope::pipeline {

FastPath::FastPath(const Decoder& decoder, const UnitTable& units, Tables& tables,
                   const HashSeed& seed, InstructionSet set, bool is_on)
    : decoder_(decoder),
      units_(units),
      tables_(tables),
      seed_(seed),
      is_usable_(is_on && units.is_uniform() && !units.has_clocks()),
      verifies_(decoder.config().checksums != ChecksumPolicy::kOff),
      latency_rule_{.rule = units[0].hop_latency,
                    .to_ns = units[0].latency_to_ns,
                    .time_to_ns = units[0].time_to_ns},
      read_stacks_(stack_reader(set, latency_rule_)),
      is_equal_(header_comparer(set)) {}

bool FastPath::checksums_are_right(const ReportShape& shape,
                                   const std::uint8_t* frame) const noexcept {
  const std::uint8_t* ip = frame + shape.ip_at;
  const std::uint8_t* udp = frame + shape.udp_at;
  if (!shape.outer_ipv6 && checksum_fold(checksum_sum20(ip)) != 0xFFFF) return false;
  if (be16(udp + 6) == 0) return true;
  const Bytes addresses = shape.outer_ipv6 ? Bytes(ip + 8, 32) : Bytes(ip + 12, 8);
  return is_udp_checksum_right(addresses, Bytes(udp, be16(udp + 4)));
}

bool FastPath::is_dialect_of(const ReportShape& shape, Bytes frame) const noexcept {
  const Bytes payload = frame.subspan(shape.report_at);
  return decoder_.dialect_of(source_in(shape, frame.data()), payload) == shape.dialect;
}

const ReportShape* FastPath::shape_of(Bytes frame) noexcept {
  const auto is_of = [&](const ReportShape& shape) {
    return frame.size() >= shape.stack_end &&
           is_equal_(frame.data(), shape.mask.data(), shape.value.data(), shape.header_bytes) &&
           (!decoder_.has_dialects() || is_dialect_of(shape, frame));
  };
  std::size_t at = last_shape_;
  if (at >= shape_count_ || !is_of(shapes_[at])) {
    for (at = 0; at < shape_count_ && !is_of(shapes_[at]); ++at) {
    }
    if (at == shape_count_) return nullptr;
    last_shape_ = at;
  }
  const ReportShape& shape = shapes_[at];
  if (!lengths_fit(shape, frame.data(), static_cast<std::uint32_t>(frame.size()))) return nullptr;
  if (verifies_ && !checksums_are_right(shape, frame.data())) return nullptr;
  return &shape;
}

FastPath::Item& FastPath::read(Bytes frame, const ReportShape& shape) noexcept {
  Item& item = items_[count_];
  item.frame = frame.data();
  item.length = static_cast<std::uint32_t>(frame.size());
  item.shape = &shape;
  if (shape.inner_ipv6) {
    read_key(shape, item.frame, item.key6);
    item.hash = hash_of(item.key6, seed_);
    tables_.flow_state(item.key6).table().prefetch(item.hash);
  } else {
    read_key(shape, item.frame, item.key4);
    item.hash = hash_of(item.key4, seed_);
    tables_.flow_state(item.key4).table().prefetch(item.hash);
  }
  return item;
}

namespace {

const FlowTable<FlowKey4>::Place& place_of(const FastPath::Item& item, const FlowKey4& /*key*/) {
  return item.place4;
}
const FlowTable<FlowKey6>::Place& place_of(const FastPath::Item& item, const FlowKey6& /*key*/) {
  return item.place6;
}

void probe(Tables& tables, FastPath::Item& item) noexcept {
  const std::uint32_t now_s = item.now_s;
  if (item.shape->inner_ipv6) {
    item.place6 = tables.flow_state(item.key6).table().probe(item.hash, now_s);
  } else {
    item.place4 = tables.flow_state(item.key4).table().probe(item.hash, now_s);
  }
}

}  // namespace

template <typename Key>
void FastPath::look_up(const Item& item, const Key& key, StackJob& job) noexcept {
  auto& flows = tables_.flow_state(key);
  const ColumnPlan& plan = item.shape->columns;
  job = {.stack = item.frame + item.shape->header_bytes, .plan = &plan, .path = {}};
  const std::uint32_t index = place_of(item, key).record;
  if (index == flows.table().kNoRecord) return;
  const auto& record = flows.table().record(index);
  if (!flows.is_regular(record, key, plan.hops, plan.has_latency, item.now_s)) {
    return;
  }
  job.path = {.switch_id = record.switch_id.data(),
              .egress_port = record.egress_port.data(),
              .interval = record.latency_interval_of.data()};
  for (unsigned i = 0; i < plan.hops; ++i) tables_.port_state().prefetch(record.port_slot[i]);
}

void FastPath::look_up(const Item& item, StackJob& job) noexcept {
  if (item.shape->inner_ipv6) {
    look_up(item, item.key6, job);
  } else {
    look_up(item, item.key4, job);
  }
}

void FastPath::prepare() noexcept {
  stale_from_ = kGroup;
  for (std::size_t i = 0; i < count_; ++i) probe(tables_, items_[i]);
  for (std::size_t i = 0; i < count_; ++i) look_up(items_[i], jobs_[i]);
  read_stacks_(latency_rule_, jobs_.data(), count_, results_.data());
}

bool FastPath::is_regular(std::size_t i) noexcept {
  Item& item = items_[i];
  if (i >= stale_from_) {
    probe(tables_, item);
    look_up(item, jobs_[i]);
    read_stacks_(latency_rule_, &jobs_[i], 1, &results_[i]);
  }
  if (!results_[i].is_regular) return false;
  return item.shape->inner_ipv6 ? is_regular(item, item.key6, results_[i])
                                : is_regular(item, item.key4, results_[i]);
}

template <typename Key>
bool FastPath::is_regular(const Item& item, const Key& key, const StackResult& result) noexcept {
  const ColumnPlan& plan = item.shape->columns;
  auto& flows = tables_.flow_state(key);
  const auto& record = flows.table().record(place_of(item, key).record);
  return !plan.has_latency || flows.stays(record, result.latency_ns);
}

void FastPath::take(std::size_t i) noexcept {
  const Item& item = items_[i];
  if (item.shape->inner_ipv6) {
    take(item, item.key6, results_[i]);
  } else {
    take(item, item.key4, results_[i]);
  }
}

template <typename Key>
void FastPath::take(const Item& item, const Key& key, const StackResult& result) noexcept {
  const ReportShape& shape = *item.shape;
  const ColumnPlan& plan = shape.columns;
  auto& flows = tables_.flow_state(key);
  auto& record = flows.table().record(place_of(item, key).record);
  const Moment moment{.weight = shape.dialect.sampling,
                      .receive_time_ns = item.time.receive_ns,
                      .now_ns = item.time.now_ns,
                      .now_s = item.now_s,
                      .now_us = microseconds_of(item.time.now_ns)};
  flows.table().touch(place_of(item, key), moment.now_s);
  flows.take_regular(record, result.columns, plan.hops, plan.has_latency, result.latency_ns,
                     moment.receive_time_ns, moment.weight);
  tables_.port_state().take_stack(
      record.port_slot.data(), result.columns, plan, moment,
      [&](unsigned hop) noexcept { take_irregular_hop(item, hop, record.port_slot[hop]); });
}

void FastPath::take_irregular_hop(const Item& item, unsigned hop, std::uint32_t slot) noexcept {
  const ReportShape& shape = *item.shape;
  Report report;
  report.weight = shape.dialect.sampling;
  report.stack.layout = shape.layout;
  report.stack.bitmap = shape.bitmap;
  report.stack.hops = item.frame + shape.header_bytes;
  report.stack.hop_count = shape.columns.hops;
  report.stack.hop_bytes = shape.columns.hop_bytes;
  report.version = shape.version;
  report.has_node_id = shape.has_node_id;
  report.node_id = shape.has_node_id ? node_id_in(shape, item.frame) : 0;
  report.has_ingress_time = shape.version < 2;
  if (report.has_ingress_time) {
    report.ingress_time = be32(item.frame + shape.report_at + (shape.version == 1 ? 12 : 8));
  }
  tables_.apply_hop(report, hop, slot, item.time);
}

void FastPath::clear() noexcept {
  count_ = 0;
  stale_from_ = kGroup;
}

bool FastPath::is_worth(const ColumnPlan& columns) const noexcept {
  const Units& units = units_[0];
  return !columns.has_congestion && (!columns.has_tx || units.tx_utilization.has_fixed_width()) &&
         (!columns.has_queue || units.queue_occupancy.has_fixed_width());
}

void FastPath::learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept {
  if (!is_usable_) return;
  if (pause_ > 0) {
    --pause_;
    return;
  }
  pause_ = kPause;
  const Dialect& dialect = decoder_.dialect_of(outer.source, outer.payload);
  const auto shape = learn_shape(frame, outer, report, decoder_.config(), dialect);
  if (!shape || !is_worth(shape->columns)) return;
  const auto is_same = [&](const ReportShape& known) {
    return known.header_bytes == shape->header_bytes && known.mask == shape->mask &&
           known.value == shape->value && known.dialect == shape->dialect;
  };
  if (std::any_of(shapes_.begin(), shapes_.begin() + shape_count_, is_same)) return;
  const std::size_t at = shape_count_ < kShapes ? shape_count_++ : next_place_++ % kShapes;
  shapes_[at] = *shape;
  if (shape_count_ < kShapes) pause_ = 0;
}

}  // namespace hopscope::pipeline
