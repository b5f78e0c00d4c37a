#include "app/decode/filter.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "app/capture.h"
#include "app/config/values.h"
#include "pipeline/decode/hop_plan.h"

namespace hopscope::app {
namespace {

using pipeline::Report;

/// An end of a flow; no port: any.
struct End {
  pipeline::IpAddress address;
  std::optional<std::uint16_t> port;
};

std::optional<End> end_of(std::string text) {
  End end;
  const std::size_t colon = text.rfind(':');
  const bool is_ipv6 = text.find(':') != colon || text.starts_with('[');
  if (colon != std::string::npos && (!is_ipv6 || (colon > 0 && text[colon - 1] == ']'))) {
    const auto port = parse_integer(text.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) return std::nullopt;
    end.port = static_cast<std::uint16_t>(*port);
    text.resize(colon);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  end.address.version = is_ipv6 ? 6 : 4;
  if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text.c_str(), end.address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return end;
}

bool is_flow_of(const Report& report, const End& end) {
  if (!report.has_flow4 && !report.has_flow6) return false;
  const pipeline::FlowKey flow = report.has_flow4 ? widen(report.flow4) : widen(report.flow6);
  const auto is_end = [&end](const pipeline::IpAddress& address, std::uint16_t port) {
    return address == end.address && (!end.port || port == *end.port);
  };
  return is_end(flow.source, flow.source_port) || is_end(flow.destination, flow.destination_port);
}

bool crosses(const Report& report, std::uint32_t switch_id) {
  if (report.has_node_id && report.node_id == switch_id) return true;
  const pipeline::HopPlan plan = pipeline::make_hop_plan(report.stack.bitmap, report.stack.layout);
  pipeline::Metadata hop;
  for (unsigned i = 0; i < report.stack.hop_count; ++i) {
    read_hop(plan, report.stack, i, hop);
    if (hop.has(pipeline::Field::kNodeId) && hop.node_id == switch_id) return true;
  }
  return false;
}

[[noreturn]] void refuse(const std::string& condition, const char* needs) {
  throw UsageError(fmt::format("--filter {}: needs {}", condition, needs));
}

}  // namespace

DecodeFilter::DecodeFilter(const std::vector<std::string>& conditions) {
  for (const std::string& condition : conditions) {
    const std::size_t equals = condition.find('=');
    const std::string key = condition.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : condition.substr(equals + 1);
    if (key == "version") {
      const std::map<std::string, std::uint8_t> versions{
          {"0.5", 0}, {"1.0", 1}, {"2.0", 2}, {"in-band", pipeline::kDataPacket}};
      const auto found = versions.find(value);
      if (found == versions.end()) refuse(condition, "0.5, 1.0, 2.0 or in-band");
      conditions_.emplace_back(
          [version = found->second](const Report& report) { return report.version == version; });
    } else if (key == "switch") {
      const auto id = parse_integer(value);
      if (!id || *id < 0 || *id > 0xFFFF'FFFF) refuse(condition, "the number of a switch");
      conditions_.emplace_back([id = static_cast<std::uint32_t>(*id)](const Report& report) {
        return crosses(report, id);
      });
    } else if (key == "flow") {
      const std::optional<End> end = end_of(value);
      if (!end) refuse(condition, "ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT");
      conditions_.emplace_back(
          [end = *end](const Report& report) { return is_flow_of(report, end); });
    } else {
      refuse(condition, "version=, switch= or flow=");
    }
  }
}

bool DecodeFilter::passes(const Report& report) const {
  return std::all_of(conditions_.begin(), conditions_.end(),
                     [&report](const auto& holds) { return holds(report); });
}

}  // namespace hopscope::app
