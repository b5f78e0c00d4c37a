#include "app/decode/json_parts.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "pipeline/decode/hop_plan.h"
#include "pipeline/decode/ip.h"
#include "pipeline/report/wire.h"

namespace hopscope::app {
namespace {

using nlohmann::ordered_json;
using pipeline::be16;
using pipeline::be24;
using pipeline::be32;
using pipeline::be64;
using pipeline::Bytes;
using pipeline::Field;
using pipeline::InnerPacket;
using pipeline::IntStack;
using pipeline::IntVersion;
using pipeline::Metadata;
using pipeline::Report;
using pipeline::Tunnel;

std::string mac(const std::uint8_t* at) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", at[0], at[1], at[2], at[3], at[4],
                     at[5]);
}

const char* version_text(IntVersion version) {
  switch (version) {
    case IntVersion::k05:
      return "0.5";
    case IntVersion::k10:
      return "1.0";
    case IntVersion::k2x:
      return "2.x";
    case IntVersion::k2xMx:
      return "2.x-mx";
    case IntVersion::kMri:
      return "mri";
    case IntVersion::kNone:
      break;
  }
  return "";
}

bool is_2x(IntVersion version) {
  return version == IntVersion::k2x || version == IntVersion::k2xMx;
}

ordered_json ip_json(const InnerPacket& inner) {
  const std::uint8_t* at = inner.ip;
  ordered_json json;
  json["version"] = inner.ip_version;
  pipeline::IpHeader header;
  const std::uint8_t* end = inner.bytes.data() + inner.bytes.size();
  if (inner.ip_version == 4) {
    (void)pipeline::read_ipv4(at, end, header);
  } else {
    (void)pipeline::read_ipv6(at, end, header);
  }
  json["src"] = address_text(header.source);
  json["dst"] = address_text(header.destination);
  json["proto"] = header.protocol;
  json["dscp"] = header.dscp;
  json["ecn"] = inner.ip_version == 4 ? at[1] & 3 : (be16(at) >> 4) & 3;
  json["ttl"] = header.ttl;
  // IPv4 states its total length, IPv6 that of its payload: as on the wire.
  json["len"] = inner.ip_version == 4 ? be16(at + 2) : be16(at + 4);
  return json;
}

ordered_json l4_json(const std::uint8_t* at, std::uint8_t protocol, std::size_t length,
                     bool with_length) {
  const bool is_udp = protocol == pipeline::kProtocolUdp;
  ordered_json json;
  json["proto"] = is_udp ? "udp" : "tcp";
  json["sport"] = be16(at);
  json["dport"] = be16(at + 2);
  json["header_len"] = length;
  if (is_udp && with_length) json["udp_len"] = be16(at + 4);
  return json;
}

void put_tunnel(ordered_json& json, const Tunnel& tunnel) {
  const std::uint8_t* at = tunnel.header;
  switch (tunnel.kind) {
    case Tunnel::Kind::kVxlanGpe:
      json["vxlan_gpe"] = {{"flags", at[0]}, {"next_protocol", at[3]}, {"vni", be24(at + 4)}};
      break;
    case Tunnel::Kind::kGeneve:
      json["geneve"] = {{"opt_len", at[0] & 0x3F},
                        {"protocol", be16(at + 2)},
                        {"vni", be24(at + 4)},
                        {"option",
                         {{"class", be16(tunnel.option)},
                          {"type", tunnel.option[2]},
                          {"length", tunnel.option[3] & 0x1F}}}};
      break;
    case Tunnel::Kind::kGre:
      json["gre"] = {{"flags", be16(at)}, {"protocol", be16(at + 2)}};
      break;
    case Tunnel::Kind::kNone:
    case Tunnel::Kind::kVxlan:
      break;
  }
}

/// Some senders of 2.0 reports that leave Report Length 0 write the DSCP a byte too early.
std::uint8_t shim_dscp(const Report& report) {
  const std::uint8_t* at = report.stack.shim;
  const bool is_early = report.version == 2 && report.header[1] == 0 && at[3] == 0;
  return at[is_early ? 2 : 3] >> 2;
}

ordered_json shim_json(const Report& report) {
  const IntStack& stack = report.stack;
  const Tunnel& tunnel = report.inner.tunnel;
  const std::uint8_t* at = stack.shim;
  ordered_json json;
  const bool in_gpe = tunnel.kind == Tunnel::Kind::kVxlanGpe;
  const bool in_gre = tunnel.kind == Tunnel::Kind::kGre;
  if (!is_2x(stack.version)) {
    json["type"] = at[0];
    json["length"] = at[2];
    if (in_gpe) {
      json["next_protocol"] = at[3];
    } else if (stack.version == IntVersion::k10) {
      json["dscp"] = at[3] >> 2;
    }
    return json;
  }
  json["type"] = at[0] >> 4;
  json["length"] = at[1];
  if (in_gpe) {
    json["g"] = at[2] >> 7;
    json["next_protocol"] = at[3];
  } else if (in_gre) {
    json["g"] = (at[0] >> 3) & 1;
    json["next_protocol"] = be16(at + 2);
  } else {
    const unsigned npt = (at[0] >> 2) & 3;
    json["npt"] = npt;
    if (npt == 0) json["dscp"] = shim_dscp(report);
    if (npt == 1) json["udp_port"] = be16(at + 2);
    if (npt == 2) json["ip_proto"] = at[3];
  }
  return json;
}

ordered_json header_json(const IntStack& stack) {
  const std::uint8_t* at = stack.header;
  ordered_json json;
  if (stack.version == IntVersion::kMri) return {{"count", be16(at + 2)}};
  json["ver"] = at[0] >> 4;
  if (!is_2x(stack.version)) {
    json["rep"] = (at[0] >> 2) & 3;
    json["c"] = (at[0] >> 1) & 1;
    json["e"] = at[0] & 1;
    if (stack.version == IntVersion::k05) {
      json["ins_cnt"] = at[1] & 0x1F;
      json["max_hop_cnt"] = at[2];
      json["total_hop_cnt"] = at[3];
    } else {
      json["m"] = at[1] >> 7;
      json["hop_ml"] = at[2] & 0x1F;
      json["remaining_hop_cnt"] = at[3];
    }
    json["instruction_bitmap"] = stack.bitmap;
    // Reserved in 1.0; the GEANT sender has a counter there.
    if (stack.version == IntVersion::k10) json["rsvd_seq"] = be16(at + 6);
    return json;
  }
  json["d"] = (at[0] >> 3) & 1;
  if (stack.version == IntVersion::k2x) {
    json["e"] = (at[0] >> 2) & 1;
    json["m"] = (at[0] >> 1) & 1;
    json["hop_ml"] = at[2] & 0x1F;
    json["remaining_hop_cnt"] = at[3];
  }
  json["instruction_bitmap"] = stack.bitmap;
  json["domain_id"] = be16(at + 6);
  json["ds_instruction"] = be16(at + 8);
  json["ds_flags"] = be16(at + 10);
  return json;
}

ordered_json hop_json(const Metadata& hop) {
  ordered_json json = metadata_json(hop, "l1_ingress_if", "l1_egress_if");
  ordered_json invalid = json.contains("invalid") ? json["invalid"] : ordered_json::array();
  json.erase("invalid");
  for (unsigned i = 0; i < 16; ++i) {
    if (((hop.reserved_present >> i) & 1) == 0) continue;
    const std::string name = fmt::format("reserved_bit{}", i);
    json[name] = hop.reserved[i];
    if (hop.reserved[i] == 0xFFFF'FFFF) invalid.push_back(name);
  }
  if (!invalid.empty()) json["invalid"] = invalid;
  return json;
}

ordered_json int_json(const Report& report) {
  const IntStack& stack = report.stack;
  ordered_json json;
  json["version"] = version_text(stack.version);
  if (stack.shim != nullptr) json["shim"] = shim_json(report);
  json["header"] = header_json(stack);
  json["hop_count"] = stack.hop_count;
  json["hops"] = ordered_json::array();
  const pipeline::HopPlan plan = pipeline::make_hop_plan(stack.bitmap, stack.layout);
  for (unsigned i = 0; i < stack.hop_count; ++i) {
    Metadata hop;
    pipeline::read_hop(plan, stack, i, hop);
    json["hops"].push_back(hop_json(hop));
  }
  if (stack.tail != nullptr) {
    json["tail"] = {
        {"proto", stack.tail[0]}, {"dport", be16(stack.tail + 1)}, {"dscp", stack.tail[3]}};
  }
  if (stack.has_marker) json["probe_marker"] = hex(Bytes(stack.shim - 8, 8));
  if (stack.has_flow_seq) json["flow_seq"] = stack.flow_seq;
  if (!stack.source_only.empty()) json["source_only"] = hex(stack.source_only);
  if (!stack.source_inserted.empty()) json["source_inserted"] = hex(stack.source_inserted);
  return json;
}

/// Node data of an IOAM trace (RFC 9197 section 4.4), the fields with a name here.
ordered_json ioam_nodes(const std::uint8_t* option, std::size_t length) {
  const std::uint32_t trace_type = be24(option + 8);
  const std::size_t node_bytes = std::size_t{option[6]} / 8 * 4;
  const std::size_t remaining = (std::size_t{option[7]} & 0x7F) * 4;
  ordered_json nodes = ordered_json::array();
  if (node_bytes == 0) return nodes;
  const auto has = [trace_type](unsigned i) { return ((trace_type >> (23 - i)) & 1) != 0; };
  // After each node, and not part of its length: schema id, length in words, and that many words.
  const auto snapshot_bytes = [&](std::size_t at) {
    constexpr unsigned kOpaqueSnapshot = 22;
    return !has(kOpaqueSnapshot) || at + 4 > length ? 0 : 4 + std::size_t{option[at]} * 4;
  };
  for (std::size_t at = 12 + remaining; at + node_bytes <= length; at += node_bytes) {
    ordered_json node = ordered_json::object();
    std::size_t here = at;
    const std::size_t end = at + node_bytes;
    for (unsigned i = 0; i < 22; ++i) {
      if (!has(i)) continue;
      const std::size_t bytes = i >= 8 && i <= 10 ? 8 : 4;
      if (here + bytes > end) break;
      const std::uint8_t* word = option + here;
      if (i == 0) {
        node["hop_lim"] = word[0];
        node["node_id"] = be24(word + 1);
      } else if (i == 1) {
        node["ingress_if"] = be16(word);
        node["egress_if"] = be16(word + 2);
      } else if (i == 6) {
        node["queue_depth"] = be32(word);
      }
      here += bytes;
    }
    nodes.push_back(std::move(node));
    at += snapshot_bytes(end);
  }
  return nodes;
}

void put_ioam(ordered_json& json, const InnerPacket& inner) {
  constexpr std::size_t kTraceHeaderBytes = 12;
  if (inner.ioam == nullptr || inner.ioam_length < kTraceHeaderBytes) return;
  const std::uint8_t* at = inner.ioam;
  json["ioam"] = {{"option_type", at[3]},       {"namespace_id", be16(at + 4)},
                  {"node_len", at[6] >> 3},     {"remaining_len", at[7] & 0x7F},
                  {"trace_type", be24(at + 8)}, {"nodes", ioam_nodes(at, inner.ioam_length)}};
}

}  // namespace

std::string address_text(const pipeline::IpAddress& address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.version == 6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
  return text;
}

std::string hex(Bytes bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

ordered_json metadata_json(const Metadata& metadata, const char* ingress_name,
                           const char* egress_name) {
  ordered_json json = ordered_json::object();
  ordered_json invalid = ordered_json::array();
  const auto put = [&](Field field, const char* name, std::uint64_t value) {
    if ((metadata.present & bit(field)) == 0) return;
    json[name] = value;
    if ((metadata.invalid & bit(field)) != 0) invalid.push_back(name);
  };
  put(Field::kNodeId, "node_id", metadata.node_id);
  put(Field::kL1Ports, ingress_name, metadata.l1_ingress_if);
  put(Field::kL1Ports, egress_name, metadata.l1_egress_if);
  put(Field::kHopLatency, "hop_latency", metadata.hop_latency);
  put(Field::kQueue, "queue_id", metadata.queue_id);
  put(Field::kQueue, "queue_occupancy", metadata.queue_occupancy);
  put(Field::kIngressTime, "ingress_ts", metadata.ingress_time);
  put(Field::kEgressTime, "egress_ts", metadata.egress_time);
  put(Field::kQueueCongestion, "congestion_queue_id", metadata.congestion_queue_id);
  put(Field::kQueueCongestion, "queue_congestion", metadata.queue_congestion);
  put(Field::kL2Ports, "l2_ingress_if", metadata.l2_ingress_if);
  put(Field::kL2Ports, "l2_egress_if", metadata.l2_egress_if);
  put(Field::kTxUtilization, "egress_tx_util", metadata.tx_utilization);
  put(Field::kBuffer, "buffer_id", metadata.buffer_id);
  put(Field::kBuffer, "buffer_occupancy", metadata.buffer_occupancy);
  put(Field::kDrop, "drop_queue_id", metadata.drop_queue_id);
  put(Field::kDrop, "drop_reason", metadata.drop_reason);
  put(Field::kChecksumComplement, "checksum_complement", metadata.checksum_complement);
  if (!invalid.empty()) json["invalid"] = invalid;
  return json;
}

ordered_json inner_json(const Report& report) {
  const InnerPacket& inner = report.inner;
  ordered_json json;
  if (inner.ethernet != nullptr) {
    json["eth"] = {{"dst", mac(inner.ethernet)},
                   {"src", mac(inner.ethernet + 6)},
                   {"ethertype", inner.ethertype}};
    for (unsigned i = 0; i < inner.vlan_count; ++i) json["eth"]["vlan"].push_back(inner.vlan[i]);
  }
  if (inner.ip != nullptr) json["ip"] = ip_json(inner);
  if (inner.l4 != nullptr) json["l4"] = l4_json(inner.l4, inner.protocol, inner.l4_length, true);
  if (inner.truncated) json["truncated"] = true;
  json["captured_len"] = inner.bytes.size();
  put_tunnel(json, inner.tunnel);
  if (report.stack.version != IntVersion::kNone) json["int"] = int_json(report);
  if (inner.original_l4 != nullptr) {
    const bool is_udp = inner.original_protocol == pipeline::kProtocolUdp;
    const std::size_t length =
        is_udp ? pipeline::kUdpBytes : std::size_t{inner.original_l4[12]} / 16 * 4;
    json["original_l4"] = l4_json(inner.original_l4, inner.original_protocol, length, false);
  }
  put_ioam(json, inner);
  return json;
}

}  // namespace hopscope::app
