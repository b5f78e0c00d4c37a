#include "support/shape_check.h"

#include <optional>

#include "pipeline/report/deviation.h"
#include "pipeline/simd/compiled_for.h"
#include "pipeline/simd/hop_columns_readers.h"
#include "pipeline/simd/masked_equal.h"
#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/switch_row.h"
#include "pipeline/tables/units.h"

namespace hopscope::test {
namespace {

using pipeline::Bytes;
using pipeline::DecodeError;
using pipeline::InstructionSet;
using pipeline::OuterHeaders;
using pipeline::Report;
using pipeline::ReportShape;

/// Those that this CPU has.
std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (int i = 0; i <= static_cast<int>(pipeline::best_instruction_set()); ++i) {
    sets.push_back(static_cast<InstructionSet>(i));
  }
  return sets;
}

/// One report and nothing else in the frame.
bool read_single(const pipeline::Decoder& decoder, Bytes frame, OuterHeaders& outer,
                 Report& report) {
  if (decoder.outer(frame, outer) != DecodeError::kNone || outer.format != nullptr) return false;
  pipeline::ReportReader reader = decoder.reports(outer);
  Report further;
  return reader.next(report) && report.error == DecodeError::kNone && !reader.next(further) &&
         reader.error() == DecodeError::kNone;
}

std::string hop_disagreement(const pipeline::ColumnPlan& plan, const pipeline::HopColumns& columns,
                             unsigned i, const pipeline::Hop& hop, const pipeline::Units& units) {
  if (plan.has_latency) {
    if (columns.latency[i] != hop.latency) return "hop latency";
    if (columns.latency_ns[i] != units.latency_ns(hop.latency)) return "hop latency in ns";
    if (columns.latency_bucket[i] != pipeline::latency_bucket(columns.latency_ns[i])) {
      return "bucket of a hop latency";
    }
  }
  if (hop.has_tx != plan.has_tx) return "presence of tx utilization";
  if (hop.has_tx && columns.tx_utilization[i] != hop.tx_utilization) return "tx utilization";
  if (hop.has_occupancy != plan.has_queue) return "presence of occupancy";
  if (hop.has_occupancy && columns.queue[i] != (hop.queue << 24 | hop.occupancy)) return "queue";
  return "";
}

/// Compares the stack read as columns, by every instruction set, with the hops of the checked
/// decoder.
std::string stack_disagreement(const ReportShape& shape, const Report& report, Bytes frame) {
  const pipeline::UnitTable units{pipeline::SwitchOptions{}, pipeline::EventOptions{}};
  pipeline::HopReader reader(units);
  pipeline::HopList hops;
  reader.read(report, hops);
  if (hops.length != shape.columns.hops || hops.count != hops.length) return "number of hops";
  // The path of the stack itself, so that only the reader's own conditions can refuse it.
  std::array<std::uint32_t, pipeline::kMaxHops> switches{};
  std::array<std::uint16_t, pipeline::kMaxHops> ports{};
  std::array<pipeline::Interval, pipeline::kMaxHops> intervals{};
  const pipeline::LatencyRule rule(units[0].hop_latency, units[0].latency_to_ns,
                                   units[0].time_to_ns);
  std::uint64_t latency_ns = 0;
  for (unsigned i = 0; i < hops.count; ++i) {
    const pipeline::Hop& hop = hops.hop[i];
    switches[i] = hop.switch_id;
    ports[i] = static_cast<std::uint16_t>(hop.port);
    intervals[i] = rule.rule.index(hop.latency);
    if (hop.latency != pipeline::kNoLatency) latency_ns += units[0].latency_ns(hop.latency);
  }
  const pipeline::StackView view{
      .stack = frame.data() + shape.header_bytes,
      .plan = &shape.columns,
      .path = {
          .switch_id = switches.data(), .egress_port = ports.data(), .interval = intervals.data()}};
  std::optional<bool> is_regular;
  for (const InstructionSet set : instruction_sets()) {
    pipeline::HopColumns columns;
    const bool says_so =
        pipeline::compiled_for(
            set, [&](auto one) { return pipeline::read_stack<one()>(rule, view, columns); }) &&
        columns.moved == 0;
    if (is_regular.value_or(says_so) != says_so) return "regularity by instruction set";
    is_regular = says_so;
    if (!says_so) continue;
    if (columns.sum_ns != latency_ns) return "flow latency";
    for (unsigned i = 0; i < hops.count; ++i) {
      const std::string wrong = hop_disagreement(shape.columns, columns, i, hops.hop[i], units[0]);
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

template <typename Key>
bool is_key(const ReportShape& shape, Bytes frame, const Key& wanted) {
  Key key{};
  read_key(shape, frame.data(), key);
  return key == wanted;
}

}  // namespace

bool is_of(const ReportShape& shape, Bytes frame) {
  return frame.size() >= shape.stack_end &&
         pipeline::is_equal<InstructionSet::kScalar>(frame.data(), shape.mask.data(),
                                                     shape.value.data(), shape.header_bytes) &&
         lengths_fit(shape,
                     lengths_in(shape, frame.data(), static_cast<std::uint32_t>(frame.size()))) &&
         !has_special_port(shape, frame.data());
}

std::optional<ReportShape> shape_of(const pipeline::Decoder& decoder, Bytes frame) {
  OuterHeaders outer;
  Report report;
  if (!read_single(decoder, frame, outer, report)) return std::nullopt;
  return learn_shape(frame, outer, report, decoder.config(),
                     decoder.dialect_of(outer.source, outer.payload));
}

std::string disagreement(const pipeline::Decoder& decoder, const ReportShape& shape, Bytes frame) {
  for (const InstructionSet set : instruction_sets()) {
    const bool is_equal = pipeline::compiled_for(set, [&](auto one) {
      return pipeline::is_equal<one()>(frame.data(), shape.mask.data(), shape.value.data(),
                                       shape.header_bytes);
    });
    if (!is_equal) return "headers by instruction set";
  }
  OuterHeaders outer;
  Report report;
  if (!read_single(decoder, frame, outer, report)) return "that there is one report";
  if (!(source_in(shape, frame.data()) == outer.source)) return "source";
  if (shape.version != report.version) return "version";
  if (hw_id_in(shape, frame.data()) != report.hw_id) return "hw_id";
  if (sequence_in(shape, frame.data()) != report.sequence) return "sequence number";
  if (shape.sequence_bits() != report.sequence_bits) return "width of the sequence number";
  if (shape.has_node_id != report.has_node_id) return "presence of the node id";
  if (shape.has_node_id && node_id_in(shape, frame.data()) != report.node_id) return "node id";
  const bool same_flags = shape.tracked == report.tracked && shape.congested == report.congested &&
                          !report.dropped && !report.intermediate;
  if (!same_flags) return "flags";
  if (report.metadata.present != 0) return "metadata of the report";
  constexpr auto kChecksums = static_cast<pipeline::DeviationMask>(
      bit(pipeline::Deviation::kIpv4Checksum) | bit(pipeline::Deviation::kUdpChecksum));
  if ((deviations_of(outer, report) & ~kChecksums) != shape.deviations) return "deviations";
  if (shape.inner_ipv6 ? !report.has_flow6 || !is_key(shape, frame, report.flow6)
                       : !report.has_flow4 || !is_key(shape, frame, report.flow4)) {
    return "flow";
  }
  const pipeline::IntStack& stack = report.stack;
  const bool same_stack = stack.hops == frame.data() + shape.header_bytes &&
                          stack.hop_count == shape.columns.hops &&
                          stack.hop_bytes == shape.columns.hop_bytes &&
                          stack.bitmap == shape.bitmap && stack.layout == shape.layout;
  return same_stack ? stack_disagreement(shape, report, frame) : "stack";
}

}  // namespace hopscope::test
