#include "export/names/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "pipeline/tables/flow_record.h"

namespace hopscope::exporter {
namespace {

struct Reason {
  std::uint32_t code;
  std::string_view name;
};

// p4lang/switch; the codes that the report specifications give as an example.
constexpr Reason kP4langSwitch[] = {{0, "unknown"},          {26, "ip_ttl_zero"},
                                    {29, "ip_route_miss"},   {40, "port_vlan_mapping_miss"},
                                    {51, "traffic_manager"}, {60, "acl_deny"}};
// open-p4studio for Tofino.
constexpr Reason kTofino[] = {{0, "unknown"},          {26, "ip_ttl_zero"},
                              {29, "ip_route_miss"},   {55, "port_vlan_mapping_miss"},
                              {71, "traffic_manager"}, {80, "acl_drop"},
                              {89, "l2_miss"},         {115, "acl_deny"}};

template <std::size_t kSize>
std::string find(const Reason (&table)[kSize], std::uint32_t code) {
  const auto* at = std::find_if(std::begin(table), std::end(table),
                                [code](const Reason& reason) { return reason.code == code; });
  return at == std::end(table) ? std::to_string(code) : std::string(at->name);
}

}  // namespace

std::string address_text(const pipeline::IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.version == 6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

std::string protocol_text(std::uint8_t protocol) {
  switch (protocol) {
    case 1:
      return "icmp";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 58:
      return "icmp6";
    default:
      return std::to_string(protocol);
  }
}

std::string versions_text(std::uint8_t versions) {
  std::string text;
  for (std::size_t i = 0; i < pipeline::kVersionLabels.size(); ++i) {
    if (((versions >> i) & 1) == 0) continue;
    if (!text.empty()) text += ',';
    text += pipeline::kVersionLabels[i];
  }
  return text;
}

std::vector<std::string_view> deviation_labels(const pipeline::SequenceSnapshot& sender) {
  std::vector<std::string_view> labels;
  if (sender.constant) labels.emplace_back("constant_sequence");
  for (std::size_t i = 0; i < std::size(pipeline::kDeviations); ++i) {
    if (((sender.deviations >> i) & 1) != 0) labels.push_back(pipeline::kDeviations[i].label);
  }
  return labels;
}

std::string Names::switch_name(std::uint32_t id) const {
  if (id == pipeline::kNoSwitch) return "";
  const std::string& name = switches_.of(id).name;
  return name.empty() ? std::to_string(id) : name;
}

std::optional<std::uint32_t> Names::switch_id(std::string_view text) const {
  for (const auto& [id, profile] : switches_.by_id) {
    if (!profile.name.empty() && profile.name == text) return id;
  }
  std::uint32_t id = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), id);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return id;
}

bool Names::has_name(std::uint32_t id) const {
  return !switches_.of(id).name.empty();
}

std::string Names::drop_reason(std::uint32_t switch_id, std::uint32_t code) const {
  if (code == pipeline::kNoReason) return "not_reported";
  const std::string& table = switches_.of(switch_id).drop_reasons;
  const auto own = switches_.drop_reason_tables.find(table);
  if (own != switches_.drop_reason_tables.end()) {
    const auto reason = own->second.find(code);
    return reason == own->second.end() ? std::to_string(code) : reason->second;
  }
  return table == "tofino" || table == "fabric-tna" ? find(kTofino, code)
                                                    : find(kP4langSwitch, code);
}

}  // namespace hopscope::exporter
