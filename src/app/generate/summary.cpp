#include "app/generate/summary.h"

#include <algorithm>

namespace hopscope::app {
namespace {

const char* name_of(FrameKind kind) {
  switch (kind) {
    case FrameKind::kStack:
      return "stack";
    case FrameKind::kPostcard:
      return "postcard";
    case FrameKind::kDrop:
      return "drop";
  }
  return "";
}

std::uint64_t count(const std::vector<bool>& used) {
  return static_cast<std::uint64_t>(std::count(used.begin(), used.end(), true));
}

/// Whether a decoder that meets the error still finds the flow of the reported packet.
bool keeps_flow(pipeline::DecodeError error) {
  return error == pipeline::DecodeError::kNone || info(error).policy == pipeline::Policy::kNoInt;
}

}  // namespace

TrafficSummary::TrafficSummary(const TrafficOptions& options, const Topology& topology)
    : options_(options),
      port_count_(topology.port_count()),
      kinds_{{"stack", 0}, {"postcard", 0}, {"drop", 0}, {"malformed", 0}},
      flow_used_(options.flows),
      port_used_(std::size_t{topology.size()} * topology.port_count()) {}

void TrafficSummary::add(const FrameRecord& record, std::uint64_t times) {
  if (times == 0) return;
  frames_ += times;
  bytes_ += record.bytes * times;
  if (record.error == pipeline::DecodeError::kNone) {
    kinds_[name_of(record.kind)] += times;
  } else {
    kinds_["malformed"] += times;
    malformed_[std::string(info(record.error).label)] += times;
  }
  if (rejects(record.error)) {
    rejected_ += times;
    return;
  }
  if (record.takes_sequence) {
    missing_ += record.skipped * times;
    if (key_used_.size() <= record.sequence_key) key_used_.resize(record.sequence_key + 1);
    key_used_[record.sequence_key] = true;
  }
  for (const ReportRecord& report : record.reports) {
    reports_ += times;
    if (report.congested) congested_ += times;
    if (keeps_flow(record.error)) add_report(report, record.kind, times);
  }
  for (const std::uint32_t port : record.ports) port_used_[port] = true;
}

void TrafficSummary::add_report(const ReportRecord& report, FrameKind kind, std::uint64_t times) {
  if (!flow_used_[report.flow]) {
    flow_used_[report.flow] = true;
    ++(report.ipv6 ? flows_ipv6_ : flows_ipv4_);
  }
  if (kind == FrameKind::kDrop) {
    drop_reasons_[report.drop_reason] += times;
    return;
  }
  hops_ += report.hops * times;
  if (report.path_hash == 0) return;
  FlowPaths& paths = paths_[report.flow];
  if (paths.last == 0) {
    paths = {.first = report.path_hash, .last = report.path_hash, .times = times};
  } else if (paths.last != report.path_hash) {
    paths.last = report.path_hash;
    path_changes_ += times;
  }
}

void TrafficSummary::close() {
  // Each further lap starts with a change for the flows that ended the lap on another path.
  for (const auto& [flow, paths] : paths_) {
    if (paths.first != paths.last) path_changes_ += paths.times - 1;
  }
}

nlohmann::ordered_json TrafficSummary::json() const {
  nlohmann::ordered_json reasons = nlohmann::ordered_json::object();
  for (const auto& [reason, packets] : drop_reasons_) reasons[std::to_string(reason)] = packets;
  nlohmann::ordered_json malformed = nlohmann::ordered_json::object();
  for (const auto& [label, frames] : malformed_) malformed[label] = frames;
  std::uint64_t switches = 0;
  for (std::size_t first = 0; first < port_used_.size(); first += port_count_) {
    const auto begin = port_used_.begin() + static_cast<std::ptrdiff_t>(first);
    switches += std::find(begin, begin + port_count_, true) != begin + port_count_ ? 1 : 0;
  }
  return {{"format", name_of(options_.format)},
          {"seed", options_.seed},
          {"frames", frames_},
          {"bytes", bytes_},
          {"reports", reports_},
          {"hops", hops_},
          {"kinds", kinds_},
          {"congested_reports", congested_},
          {"drops_by_reason", reasons},
          {"malformed", malformed},
          {"rejected", rejected_},
          {"sequences", {{"keys", count(key_used_)}, {"missing", missing_}}},
          {"flows", {{"used", count(flow_used_)}, {"ipv4", flows_ipv4_}, {"ipv6", flows_ipv6_}}},
          {"switches", switches},
          {"ports", count(port_used_)},
          {"path_changes", path_changes_}};
}

}  // namespace hopscope::app
