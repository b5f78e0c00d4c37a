#include "app/decode/json.h"

#include <fmt/format.h>

#include <string>

#include "app/decode/json_parts.h"
#include "pipeline/decode/report_versions.h"
#include "pipeline/report/wire.h"

namespace hopscope::app {
namespace {

using nlohmann::ordered_json;
using pipeline::be16;
using pipeline::be24;
using pipeline::be32;
using pipeline::Bytes;
using pipeline::DecodeError;
using pipeline::Field;
using pipeline::Report;

ordered_json outer_json(const pipeline::OuterHeaders& outer) {
  ordered_json json = ordered_json::object();
  if (outer.ethertype != 0) json["ethertype"] = outer.ethertype;
  for (unsigned i = 0; i < outer.vlan_count; ++i) json["vlan"].push_back(outer.vlan[i]);
  if (outer.mpls) {
    json["mpls"] = {
        {"label", outer.mpls_label}, {"ttl", outer.mpls_ttl}, {"bos", outer.mpls_bottom ? 1 : 0}};
  }
  if (outer.has_ip) {
    json["ip_version"] = outer.source.version;
    json["src"] = address_text(outer.source);
    json["dst"] = address_text(outer.destination);
    json["ttl"] = outer.ttl;
  }
  if (outer.has_udp) {
    json["udp_sport"] = outer.source_port;
    json["udp_dport"] = outer.destination_port;
    json["udp_len"] = outer.udp_length;
  }
  return json;
}

void put_flags(ordered_json& json, const Report& report) {
  json["d"] = report.dropped ? 1 : 0;
  json["q"] = report.congested ? 1 : 0;
  json["f"] = report.tracked ? 1 : 0;
}

void put_inner(ordered_json& json, const Report& report) {
  if (!report.inner.bytes.empty()) json["inner"] = inner_json(report);
}

ordered_json report05_json(const Report& report) {
  const std::uint8_t* at = report.header;
  const unsigned nproto = at[0] & 0x0F;
  ordered_json json;
  json["version"] = 0;
  json["nproto"] = nproto;
  put_flags(json, report);
  json["hw_id"] = report.hw_id;
  json["seq"] = report.sequence;
  json["ingress_ts"] = report.ingress_time;
  const pipeline::Metadata& metadata = report.metadata;
  const std::uint8_t* behind = at + 12;
  if (report.error == DecodeError::kUnknownNproto) return json;
  if (nproto == 1) {
    json["drop"] = {{"switch_id", report.node_id},
                    {"ingress_port", metadata.l1_ingress_if},
                    {"egress_port", metadata.l1_egress_if},
                    {"queue_id", metadata.drop_queue_id},
                    {"drop_reason", metadata.drop_reason}};
  } else if (nproto == 2) {
    json["local"] = {{"switch_id", report.node_id},
                     {"ingress_port", metadata.l1_ingress_if},
                     {"egress_port", metadata.l1_egress_if},
                     {"queue_id", metadata.queue_id},
                     {"queue_occupancy", metadata.queue_occupancy},
                     {"egress_ts", metadata.egress_time}};
  } else if (nproto == 3) {
    json["drop_summary"] = {{"source_node_id", be32(behind)},   {"sink_node_id", be32(behind + 4)},
                            {"ingress_port", be16(behind + 8)}, {"egress_port", be16(behind + 10)},
                            {"gap_ts", be32(behind + 12)},      {"gap_seq", be32(behind + 16)},
                            {"gap_count", be32(behind + 20)}};
  } else if (nproto == 4 && report.has_node_id) {
    json["sink_node_id"] = report.node_id;
  }
  put_inner(json, report);
  return json;
}

ordered_json report10_json(const Report& report) {
  const std::uint8_t* at = report.header;
  ordered_json json;
  json["version"] = 1;
  json["length"] = at[0] & 0x0F;
  json["nproto"] = at[1] >> 5;
  json["rep_md_bits"] = ((at[1] & 0x1F) << 1) | (at[2] >> 7);
  put_flags(json, report);
  json["hw_id"] = report.hw_id;
  json["switch_id"] = report.node_id;
  json["seq"] = report.sequence;
  json["ingress_ts"] = report.ingress_time;
  json["metadata"] = metadata_json(report.metadata, "ingress_port", "egress_port");
  put_inner(json, report);
  return json;
}

/// TLVs of InType 1; a packet among them is decoded on its own.
ordered_json tlvs_json(const pipeline::ReportContext& context, const Report& report) {
  ordered_json json = ordered_json::array();
  const Bytes contents = report.contents;
  for (std::size_t at = 0; at + 4 <= contents.size();) {
    const unsigned type = contents[at] >> 4;
    const std::size_t bytes = std::size_t{contents[at + 1]} * 4;
    if (at + 4 + bytes > contents.size()) break;
    const Bytes value = contents.subspan(at + 4, bytes);
    ordered_json tlv{{"tlv_type", type},
                     {"length", contents[at + 1]},
                     {"template", be16(contents.data() + at + 2)}};
    Report packet;
    const bool is_first = value.data() == report.inner.bytes.data();
    const bool is_packet = type >= 1 && type <= 3;
    if (is_first || is_packet) {
      if (!is_first) (void)pipeline::read_tlv_packet(value, type, context, packet);
      tlv["inner"] = inner_json(is_first ? report : packet);
    } else {
      tlv["data"] = hex(value);
    }
    json.push_back(std::move(tlv));
    at += 4 + bytes;
  }
  return json;
}

ordered_json individual_json(const pipeline::ReportContext& context, const Report& report) {
  const std::uint8_t* at = report.header;
  const unsigned rep_type = at[0] >> 4;
  const unsigned in_type = at[0] & 0x0F;
  ordered_json json;
  json["rep_type"] = rep_type;
  json["in_type"] = in_type;
  json["report_length"] = at[1];
  json["md_length"] = at[2];
  put_flags(json, report);
  json["i"] = report.intermediate ? 1 : 0;
  if (report.error != DecodeError::kNone) json["error"] = std::string(info(report.error).label);
  if (report.is_skipped()) return json;
  const bool has_body = rep_type == 1 && report.contents.data() >= at + 12;
  if (has_body) {
    json["rep_md_bits"] = be16(at + 4);
    json["domain_id"] = be16(at + 6);
    json["ds_md_bits"] = be16(at + 8);
    json["ds_md_status"] = be16(at + 10);
    json["metadata"] = metadata_json(report.metadata, "l1_ingress_if", "l1_egress_if");
    if (!report.ds_metadata.empty()) json["ds_metadata"] = hex(report.ds_metadata);
  }
  if (in_type == 1) {
    json["tlvs"] = tlvs_json(context, report);
  } else if (in_type == 2) {
    json["ds_extension"] = hex(report.contents);
  } else {
    put_inner(json, report);
  }
  return json;
}

ordered_json group_json(const Report& report) {
  const unsigned version = report.group[0] >> 4;
  ordered_json json;
  json["version"] = version;
  if (version != 2) json["layout"] = "2.0";
  json["hw_id"] = report.hw_id;
  json["seq"] = report.sequence;
  json["node_id"] = report.node_id;
  json["reports"] = ordered_json::array();
  return json;
}

void put_error(ordered_json& json, DecodeError error, const Report& report) {
  if (error == DecodeError::kNone || json.contains("error")) return;
  json["error"] = std::string(info(error).label);
  json["policy"] = std::string(label(info(error).policy));
  const bool in_stack = error == DecodeError::kStackTruncated ||
                        error == DecodeError::kStackNotMultiple ||
                        error == DecodeError::kHopCountMismatch;
  if (in_stack) json["partial_hops"] = report.stack.hop_count;
}

/// Every field of a custom header; those of a repeated group once for each element.
void put_format(ordered_json& json, const pipeline::CustomHeaderPlan& plan, Bytes payload) {
  const Report none;
  ordered_json fields = ordered_json::object();
  const DecodeError error =
      plan.read_all(plan.locate(payload), [&](const std::string& name, pipeline::WideValue value) {
        const ordered_json one =
            value.high == 0 ? ordered_json(value.low)
                            : ordered_json(fmt::format("0x{:x}{:016x}", value.high, value.low));
        const std::size_t dot = name.find('.');
        if (dot == std::string::npos) {
          fields[name] = one;
          return;
        }
        ordered_json& group = fields[name.substr(0, dot)];
        const std::string inner = name.substr(dot + 1);
        if (group.empty() || group.back().contains(inner)) group.push_back(ordered_json::object());
        group.back()[inner] = one;
      });
  json["format"] = plan.config().name;
  json["fields"] = std::move(fields);
  put_error(json, error, none);
}

}  // namespace

ordered_json decode_to_json(const pipeline::Decoder& decoder, Bytes frame) {
  ordered_json json;
  pipeline::OuterHeaders outer;
  Report report;
  const DecodeError outer_error = decoder.outer(frame, outer);
  json["outer"] = outer_json(outer);
  if (outer_error != DecodeError::kNone) {
    put_error(json, outer_error, report);
    return json;
  }
  if (outer.format != nullptr) {
    put_format(json, *outer.format, outer.payload);
    return json;
  }
  const pipeline::ReportContext context{.config = decoder.config(),
                                        .dialect = decoder.dialect_of(outer.source, outer.payload)};
  pipeline::ReportReader reader = decoder.reports(outer);
  while (reader.next(report)) {
    switch (report.version) {
      case 0:
        json["report"] = report05_json(report);
        break;
      case 1:
        json["report"] = report10_json(report);
        break;
      case pipeline::kDataPacket:
        json["packet"] = inner_json(report);
        break;
      default:
        if (!json.contains("report")) json["report"] = group_json(report);
        json["report"]["reports"].push_back(individual_json(context, report));
    }
    put_error(json, report.error, report);
  }
  put_error(json, reader.error(), report);
  return json;
}

}  // namespace hopscope::app
