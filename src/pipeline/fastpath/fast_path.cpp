#include "pipeline/fastpath/fast_path.h"

#include <algorithm>

#include "pipeline/report/internet_checksum.h"
#include "pipeline/simd/hop_columns_readers.h"
#include "pipeline/simd/masked_equal.h"

namespace hopscope::pipeline {

FastPath::FastPath(const Context& context)
    : decoder_(context.decoder),
      tables_(context.tables),
      seed_(context.seed),
      share_(context.share),
      is_usable_(context.is_on && context.units.is_uniform() && !context.units.has_clocks()),
      has_dialects_(decoder_.has_dialects()),
      verifies_(decoder_.config().checksums != ChecksumPolicy::kOff),
      latency_rule_(context.units[0].hop_latency, context.units[0].latency_to_ns,
                    context.units[0].time_to_ns) {}

bool FastPath::checksums_are_right(const ReportShape& shape,
                                   const std::uint8_t* frame) const noexcept {
  const std::uint8_t* ip = frame + shape.ip_at;
  const std::uint8_t* udp = frame + shape.udp_at;
  if (!shape.outer_ipv6 && !is_checksum_right(checksum_sum20(ip))) return false;
  if (be16(udp + 6) == 0) return true;
  const Bytes addresses = shape.outer_ipv6 ? Bytes(ip + 8, 32) : Bytes(ip + 12, 8);
  return is_udp_checksum_right(addresses, Bytes(udp, be16(udp + 4)));
}

bool FastPath::is_dialect_of(const ReportShape& shape, Bytes frame) const noexcept {
  const Bytes payload = frame.subspan(shape.report_at);
  return decoder_.dialect_of(source_in(shape, frame.data()), payload) == shape.dialect;
}

template <InstructionSet kSet>
const ReportShape* FastPath::shape_of(Bytes frame, bool has_verified) noexcept {
  const auto is_of = [&](const ReportShape& shape) {
    return frame.size() >= shape.stack_end &&
           is_equal<kSet>(frame.data(), shape.mask.data(), shape.value.data(),
                          shape.header_bytes) &&
           (!has_dialects_ || is_dialect_of(shape, frame));
  };
  if (last_shape_ == nullptr || !is_of(*last_shape_)) [[unlikely]] {
    const auto end = shapes_.begin() + shape_count_;
    const auto found = std::find_if(shapes_.begin(), end, is_of);
    if (found == end) return nullptr;
    last_shape_ = &*found;
  }
  const ReportShape& shape = *last_shape_;
  const std::uint64_t lengths =
      lengths_in(shape, frame.data(), static_cast<std::uint32_t>(frame.size()));
  if (&shape != fitting_shape_ || lengths != fitting_lengths_) {
    if (!lengths_fit(shape, lengths)) return nullptr;
    fitting_shape_ = &shape;
    fitting_lengths_ = lengths;
  }
  if (has_special_port(shape, frame.data())) return nullptr;
  if (verifies_ && !has_verified && !checksums_are_right(shape, frame.data())) return nullptr;
  return &shape;
}

FastPath::Item& FastPath::read(Bytes frame, const ReportShape& shape) noexcept {
  HOPSCOPE_ASSERT(end_ - head_ < kLine);
  HOPSCOPE_ASSERT(frame.size() >= shape.stack_end);
  Item& item = items_[end_ % kLine];
  item.frame = frame.data();
  item.length = static_cast<std::uint32_t>(frame.size());
  item.shape = &shape;
  if (shape.inner_ipv6) [[unlikely]] {
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

template <typename Key>
void FastPath::find(Item& item, const Key& key) noexcept {
  // The lender's clock may be behind, and ports of the flow may have expired by ours.
  const std::uint32_t now_s = std::max(item.now_s, tables_.swept_s());
  item.place = tables_.flow_state(key).table().probe(item.hash, now_s);
}

void FastPath::find(Item& item) noexcept {
  if (item.is_foreign) [[unlikely]] {
    item.place = {};
  } else if (item.shape->inner_ipv6) [[unlikely]] {
    find(item, item.key6);
  } else {
    find(item, item.key4);
  }
}

void FastPath::fetch_ports(const Item& item) const noexcept {
  if (!item.place.is_known()) return;
  const std::uint32_t* slots = item.shape->inner_ipv6
                                   ? FlowTable<FlowKey6>::record(item.place).port_slot.data()
                                   : FlowTable<FlowKey4>::record(item.place).port_slot.data();
  // Where the path has changed since, the wrong rows are fetched: a loss of time only.
  tables_.port_state().prefetch(slots, item.shape->columns.hops);
}

bool FastPath::keep() noexcept {
  HOPSCOPE_ASSERT(end_ - head_ <= 3 * kLag);
  if (is_empty()) [[unlikely]] {
    places_ = places_changed();
    is_fetched_ = false;
  }
  const std::size_t at = end_++;
  const std::size_t before = at - head_;
  if (before >= kLag) [[likely]]
    find(items_[(at - kLag) % kLine]);
  if (before >= 2 * kLag) [[likely]]
    fetch_ports(items_[(at - 2 * kLag) % kLine]);
  return before >= 3 * kLag;
}

std::size_t FastPath::all_but(std::size_t count) const noexcept {
  return end_ - std::min(count, end_ - head_);
}

void FastPath::fetch_all() noexcept {
  HOPSCOPE_ASSERT(end_ - head_ <= 3 * kLag);
  for (std::size_t i = all_but(kLag); i != end_; ++i) find(items_[i % kLine]);
  for (std::size_t i = all_but(2 * kLag); i != end_; ++i) fetch_ports(items_[i % kLine]);
  is_fetched_ = true;
}

std::uint64_t FastPath::places_changed() const noexcept {
  return tables_.flow_state(FlowKey4{}).table().places_changed() +
         tables_.flow_state(FlowKey6{}).table().places_changed();
}

void FastPath::refresh_places() noexcept {
  HOPSCOPE_ASSERT(!is_empty());
  if (places_ == places_changed()) return;
  places_ = places_changed();
  const std::size_t found = is_fetched_ ? end_ : all_but(kLag);
  for (std::size_t i = head_ + 1; i < found; ++i) find(items_[i % kLine]);
}

template <InstructionSet kSet>
bool FastPath::is_regular(const Item& item) noexcept {
  if (!item.place.is_known()) return false;
  return item.shape->inner_ipv6 ? is_regular_of<kSet>(item, item.key6)
                                : is_regular_of<kSet>(item, item.key4);
}

template <InstructionSet kSet, typename Key>
bool FastPath::is_regular_of(const Item& item, const Key& key) noexcept {
  const ReportShape& shape = *item.shape;
  const ColumnPlan& plan = shape.columns;
  auto& flows = tables_.flow_state(key);
  const auto& record = flows.table().record(item.place);
  if (!flows.is_regular(record, key, plan.hops, plan.has_latency, item.now_s)) return false;
  const StackView view{.stack = item.frame + shape.header_bytes,
                       .plan = &plan,
                       .path = {.switch_id = record.switch_id.data(),
                                .egress_port = record.egress_port.data(),
                                .interval = record.latency_interval_of.data()}};
  return read_stack<kSet>(latency_rule_, view, columns_);
}

template <InstructionSet kSet>
void FastPath::take(const Item& item) noexcept {
  if (item.shape->inner_ipv6) [[unlikely]] {
    take_of<kSet>(item, item.key6);
  } else {
    take_of<kSet>(item, item.key4);
  }
}

template <InstructionSet kSet, typename Key>
void FastPath::take_of(const Item& item, const Key& key) noexcept {
  const ReportShape& shape = *item.shape;
  const ColumnPlan& plan = shape.columns;
  HOPSCOPE_ASSERT(item.place.is_known() && !item.is_foreign);
  auto& flows = tables_.flow_state(key);
  auto& record = flows.table().record(item.place);
  HOPSCOPE_ASSERT(record.key == key && record.hop_count == plan.hops);
  const Moment moment{.weight = shape.dialect.sampling,
                      .receive_time_ns = item.time.receive_ns,
                      .now_ns = item.time.now_ns,
                      .now_s = item.now_s,
                      .value_stamp = stamp_of(item.time.now_ns)};
  flows.table().touch(item.place, moment.now_s);
  const bool stays =
      !plan.has_latency || (columns_.moved == 0 && flows.stays(record, columns_.sum_ns));
  if (stays) [[likely]] {
    flows.take_regular(record, columns_, plan.has_latency, moment);
  } else {
    take_moved(item, key);
  }
  tables_.port_state().take_stack<kSet>(
      record.port_slot.data(), columns_, plan, moment,
      [&](unsigned hop) noexcept { take_irregular_hop(item, hop, record.port_slot[hop]); });
}

template <typename Key>
void FastPath::take_moved(const Item& item, const Key& key) noexcept {
  auto& flows = tables_.flow_state(key);
  flows.take_moved(flows.table().record(item.place), columns_, item.shape->columns.hops,
                   tables_.moment_of(report_of(item), item.time));
}

void FastPath::take_irregular_hop(const Item& item, unsigned hop, std::uint32_t slot) noexcept {
  const Report report = report_of(item);
  tables_.apply_hop(report, hop, slot, tables_.moment_of(report, item.time));
}

Report FastPath::report_of(const Item& item) noexcept {
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
  return report;
}

SequenceNumber FastPath::sequence_of(const FastPath::Item& item) noexcept {
  const ReportShape& shape = *item.shape;
  return {.source = source_in(shape, item.frame),
          .hw_id = hw_id_in(shape, item.frame),
          .bits = shape.sequence_bits(),
          .version = shape.version,
          .deviations = shape.deviations,
          .switch_id = shape.counts_by_node() ? node_id_in(shape, item.frame) : kNoSwitch,
          .number = sequence_in(shape, item.frame),
          .time = item.time};
}

void FastPath::learn(Bytes frame, const OuterHeaders& outer, const Report& report) noexcept {
  HOPSCOPE_ASSERT(is_empty());
  if (!is_usable_) return;
  if (pause_ > 0) {
    --pause_;
    return;
  }
  pause_ = kPause;
  const Dialect& dialect = decoder_.dialect_of(outer.source, outer.payload);
  const auto shape = learn_shape(frame, outer, report, decoder_.config(), dialect);
  if (!shape || shape->columns.has_congestion) return;
  const auto is_same = [&](const ReportShape& known) {
    return known.header_bytes == shape->header_bytes && known.mask == shape->mask &&
           known.value == shape->value && known.dialect == shape->dialect;
  };
  if (std::any_of(shapes_.begin(), shapes_.begin() + shape_count_, is_same)) return;
  const std::size_t at = shape_count_ < kShapes ? shape_count_++ : next_place_++ % kShapes;
  shapes_[at] = *shape;
  fitting_shape_ = nullptr;
  if (shape_count_ < kShapes) pause_ = 0;
}

template const ReportShape* FastPath::shape_of<InstructionSet::kScalar>(Bytes, bool) noexcept;
template const ReportShape* FastPath::shape_of<InstructionSet::kAvx2>(Bytes, bool) noexcept;
template const ReportShape* FastPath::shape_of<InstructionSet::kAvx512>(Bytes, bool) noexcept;
template bool FastPath::is_regular<InstructionSet::kScalar>(const Item&) noexcept;
template bool FastPath::is_regular<InstructionSet::kAvx2>(const Item&) noexcept;
template bool FastPath::is_regular<InstructionSet::kAvx512>(const Item&) noexcept;
template void FastPath::take<InstructionSet::kScalar>(const Item&) noexcept;
template void FastPath::take<InstructionSet::kAvx2>(const Item&) noexcept;
template void FastPath::take<InstructionSet::kAvx512>(const Item&) noexcept;

}  // namespace hopscope::pipeline
