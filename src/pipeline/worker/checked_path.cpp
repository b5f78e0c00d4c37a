#include "pipeline/worker/checked_path.h"

namespace hopscope::pipeline {
namespace {

ReportKind kind_of(const Report& report) noexcept {
  if (report.dropped) return ReportKind::kDrop;
  if (report.tracked) return ReportKind::kFlow;
  return report.congested ? ReportKind::kQueue : ReportKind::kOther;
}

}  // namespace

CheckedPath::CheckedPath(const Context& context) noexcept
    : decoder_(context.decoder),
      seed_(context.seed),
      share_(context.share),
      tables_(context.tables),
      fast_(context.fast),
      lender_(context.lender),
      sequences_(context.sequences),
      counters_(context.counters) {}

void CheckedPath::process(OwnFrame& frame) noexcept {
  OuterHeaders outer;
  const DecodeError outer_error = decoder_.outer(frame.bytes, outer);
  if (outer_error != DecodeError::kNone) {
    count_error(outer_error);
    counters_.dropped[static_cast<std::size_t>(outer_error)].add(1);
    return;
  }
  std::uint32_t reports = 0;
  DecodeError error = DecodeError::kNone;
  const bool all_taken = outer.format != nullptr ? process_format(frame, outer, error)
                                                 : process_reports(frame, outer, reports, error);
  if (reports == 0 && rejects(error)) {
    counters_.dropped[static_cast<std::size_t>(error)].add(1);
  } else if (!all_taken) {
    counters_.handoff_dropped.add(1);
  } else {
    counters_.decoded.add(1);
    if (outer.ipv4_checksum_wrong) counters_.ipv4_checksum_wrong.add(1);
    if (outer.udp_checksum_wrong) counters_.udp_checksum_wrong.add(1);
  }
}

bool CheckedPath::process_reports(OwnFrame& frame, const OuterHeaders& outer,
                                  std::uint32_t& reports, DecodeError& error) noexcept {
  ReportReader reader = decoder_.reports(outer);
  Lending lending;
  while (reader.next(report_)) {
    if (report_.is_skipped()) {
      count_error(report_.error);
      continue;
    }
    if (reports++ == 0 && !outer.data_packet) note_sequence(report_, outer, frame.time);
    count_report(report_);
    const bool has_flow = report_.has_flow4 || report_.has_flow6;
    const std::uint64_t hash = has_flow ? flow_hash(report_) : 0;
    if (!has_flow || is_own_or_lent(frame, share_.owner_of(hash), lending)) {
      tables_.apply(report_, hash, frame.time);
    }
  }
  error = reader.error();
  if (error != DecodeError::kNone) count_error(error);
  learn_from(frame.bytes, outer, reports, error);
  return lending.all_taken;
}

bool CheckedPath::process_format(OwnFrame& frame, const OuterHeaders& outer,
                                 DecodeError& error) noexcept {
  Lending lending;
  error = read_format(outer, frame.time, [&](unsigned owner) noexcept {
    counters_.format_records.add(1);
    return is_own_or_lent(frame, owner, lending);
  });
  if (error != DecodeError::kNone) count_error(error);
  return lending.all_taken;
}

template <typename IsOwn>
DecodeError CheckedPath::read_format(const OuterHeaders& outer, const FrameTime& time,
                                     const IsOwn& is_own) noexcept {
  const CustomHeaderPlan& plan = *outer.format;
  const std::uint32_t weight = decoder_.dialect_of(outer.source, {}).sampling;
  return plan.read(plan.locate(outer.payload), [&](const FormatRecord& record) noexcept {
    const std::uint64_t hash = plan.hash(record.key, seed_);
    if (is_own(share_.owner_of(hash))) tables_.apply(plan, record, hash, weight, time);
  });
}

void CheckedPath::process(const FrameLoan& loan) noexcept {
  OuterHeaders outer;
  if (decoder_.outer(Bytes(loan.data, loan.length), outer) != DecodeError::kNone) return;
  if (outer.format != nullptr) {
    (void)read_format(outer, loan.time,
                      [&](unsigned owner) noexcept { return owner == share_.index(); });
    return;
  }
  ReportReader reader = decoder_.reports(outer);
  std::uint32_t reports = 0;
  while (reader.next(report_)) {
    ++reports;
    if (!report_.has_flow4 && !report_.has_flow6) continue;
    const std::uint64_t hash = flow_hash(report_);
    if (share_.owner_of(hash) == share_.index()) tables_.apply(report_, hash, loan.time);
  }
  learn_from(Bytes(loan.data, loan.length), outer, reports, reader.error());
}

void CheckedPath::learn_from(Bytes frame, const OuterHeaders& outer, std::uint32_t reports,
                             DecodeError error) noexcept {
  // A frame that leaves the line teaches nothing: others of the line wait behind it.
  if (fast_.is_empty() && reports == 1 && error == DecodeError::kNone && !report_.is_skipped()) {
    fast_.learn(frame, outer, report_);
  }
}

std::uint64_t CheckedPath::flow_hash(const Report& report) const noexcept {
  return report.has_flow4 ? hash_of(report.flow4, seed_) : hash_of(report.flow6, seed_);
}

bool CheckedPath::is_own_or_lent(OwnFrame& frame, unsigned owner, Lending& lending) noexcept {
  if (owner == share_.index()) return true;
  HOPSCOPE_ASSERT(owner < 64);
  if (((lending.to >> owner) & 1) == 0) {
    lending.all_taken = lender_.lend(frame, owner) && lending.all_taken;
    lending.to |= std::uint64_t{1} << owner;
  }
  return false;
}

void CheckedPath::count_report(const Report& report) noexcept {
  counters_.reports.add(1);
  counters_.hops.add(report.stack.hop_count);
  counters_.reports_by[report.version][static_cast<std::size_t>(kind_of(report))].add(1);
  if (report.error != DecodeError::kNone) count_error(report.error);
}

void CheckedPath::count_error(DecodeError error) noexcept {
  counters_.errors[static_cast<std::size_t>(error)].add(1);
}

void CheckedPath::note_sequence(const Report& report, const OuterHeaders& outer,
                                const FrameTime& time) noexcept {
  // In 0.5 one counter runs through reports that name a node and such that do not (section 3.1).
  const bool counts_by_node = report.has_node_id && report.version != 0;
  const SequenceNumber number{.source = outer.source,
                              .hw_id = report.hw_id,
                              .bits = report.sequence_bits,
                              .version = report.version,
                              .deviations = deviations_of(outer, report),
                              .switch_id = counts_by_node ? report.node_id : kNoSwitch,
                              .number = report.sequence,
                              .time = time};
  sequences_.route(number);
}

}  // namespace hopscope::pipeline
