// The fast decoder against the slow and obvious one, a target per parser: HOPSCOPE_PARSER says
// which part of a frame the bytes are; the rest around them is sound. The first byte chooses the
// settings.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/hop_plan.h"
#include "support/reference_decoder.h"

namespace {

namespace reference = hopscope::test::reference;
using namespace hopscope::pipeline;  // NOLINT: everything here is of it
using reference::Found;
using reference::Settings;
using Frame = std::vector<std::uint8_t>;

std::vector<Settings> make_settings() {
  std::vector<Settings> all(5);
  all[1].int_port = 5000;
  all[1].dscp.reset();
  all[2].marker = 0xAAAAAAAABBBBBBBB;
  all[2].int_port = 5000;
  all[3].gre = 0x88EE;
  all[3].dscp = 1;
  all[3].dscp_mask = 1;
  all[4].before_tcp_options = true;
  return all;
}

DecodeConfig config_of(const Settings& settings) {
  DecodeConfig config;
  config.data_packets = DataPackets::kOff;
  config.int_dscp.reset();
  if (settings.dscp) config.int_dscp = static_cast<std::uint8_t>(*settings.dscp);
  config.int_dscp_mask = static_cast<std::uint8_t>(settings.dscp_mask);
  if (settings.int_port) config.int_udp_port = static_cast<std::uint16_t>(*settings.int_port);
  if (settings.gre) config.int_gre_proto = static_cast<std::uint16_t>(*settings.gre);
  if (settings.marker) config.int_probe_marker = *settings.marker;
  config.dialect.int_before_tcp_options = settings.before_tcp_options;
  return config;
}

void append16(Frame& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

/// IPv4 and UDP headers around `payload`.
Frame ip_udp(const Frame& payload, std::uint16_t port, std::uint8_t dscp) {
  Frame packet{0x45, static_cast<std::uint8_t>(dscp << 2)};
  append16(packet, 28 + payload.size());
  packet.insert(packet.end(), {0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 99});
  append16(packet, port);
  append16(packet, 8 + payload.size());
  append16(packet, 0);
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

Frame ethernet(const Frame& packet) {
  Frame frame(12, 2);
  append16(frame, 0x0800);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

Frame report_of(Frame payload) {
  return ethernet(ip_udp(payload, 32766, 0));
}

/// `packet`, from its Ethernet header on, in a 2.0 report.
Frame inner_of(const Frame& packet) {
  Frame payload{0x20, 0x40, 0, 1, 0, 0, 0, 7, 0x03, 0xFF, 0, 0x20};
  payload.insert(payload.end(), packet.begin(), packet.end());
  return report_of(payload);
}

Frame frame_of(Frame bytes) {
  const std::string parser = HOPSCOPE_PARSER;
  if (parser == "frame") return bytes;
  if (parser == "inner") return inner_of(bytes);
  if (parser == "int") return inner_of(ethernet(ip_udp(bytes, 5000, 0x17)));
  if (bytes.empty()) return report_of(bytes);
  const unsigned version = parser == "report05" ? 0 : parser == "report10" ? 1 : 2;
  bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0x0F) | version << 4);
  return report_of(bytes);
}

void put(reference::Values& to, const Metadata& from, const char* node) {
  const auto set = [&](Field field, const char* name, std::uint64_t value) {
    if (from.has(field)) to[name] = value;
  };
  set(Field::kNodeId, node, from.node_id);
  set(Field::kL1Ports, "l1_ingress", from.l1_ingress_if);
  set(Field::kL1Ports, "l1_egress", from.l1_egress_if);
  set(Field::kHopLatency, "latency", from.hop_latency);
  set(Field::kQueue, "queue_id", from.queue_id);
  set(Field::kQueue, "occupancy", from.queue_occupancy);
  set(Field::kIngressTime, "ingress_time", from.ingress_time);
  set(Field::kEgressTime, "egress_time", from.egress_time);
  set(Field::kL2Ports, "l2_ingress", from.l2_ingress_if);
  set(Field::kL2Ports, "l2_egress", from.l2_egress_if);
  set(Field::kTxUtilization, "tx", from.tx_utilization);
  set(Field::kBuffer, "buffer_id", from.buffer_id);
  set(Field::kBuffer, "buffer", from.buffer_occupancy);
  set(Field::kQueueCongestion, "congestion_queue", from.congestion_queue_id);
  set(Field::kQueueCongestion, "congestion", from.queue_congestion);
  set(Field::kDrop, "drop_queue", from.drop_queue_id);
  set(Field::kDrop, "drop_reason", from.drop_reason);
  set(Field::kChecksumComplement, "checksum_complement", from.checksum_complement);
}

std::string address(const std::array<std::uint8_t, 16>& bytes, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += std::to_string(bytes[i]) + ".";
  return all;
}

std::string flow_text(const Report& report) {
  if (!report.has_flow4 && !report.has_flow6) return "";
  const FlowKey key = report.has_flow4 ? widen(report.flow4) : widen(report.flow6);
  const std::size_t bytes = report.has_flow4 ? 4 : 16;
  return address(key.source.bytes, bytes) + address(key.destination.bytes, bytes) +
         std::to_string(key.protocol) + " " + std::to_string(key.source_port) + " " +
         std::to_string(key.destination_port);
}

Found plain(const Report& report) {
  Found found;
  found.error = info(report.error).label;
  found.values = {{"dropped", report.dropped},
                  {"congested", report.congested},
                  {"tracked", report.tracked},
                  {"hw_id", report.hw_id},
                  {"sequence", report.sequence}};
  if (report.has_node_id) found.values["node"] = report.node_id;
  if (report.has_ingress_time) found.values["report_time"] = report.ingress_time;
  put(found.values, report.metadata, "metadata_node");
  found.flow = flow_text(report);
  const IntStack& stack = report.stack;
  constexpr const char* kVersions[] = {"", "0.5", "1.0", "2.x", "mx", "mri"};
  found.int_version = kVersions[static_cast<std::size_t>(stack.version)];
  const HopPlan plan = make_hop_plan(stack.bitmap, stack.layout);
  for (unsigned i = 0; i < stack.hop_count; ++i) {
    Metadata hop;
    read_hop(plan, stack, i, hop);
    put(found.hops.emplace_back(), hop, "node_id");
  }
  return found;
}

std::vector<Found> fast(const Decoder& decoder, const Frame& frame) {
  std::vector<Found> all;
  const auto put_error = [&all](DecodeError error) {
    if (error == DecodeError::kNone) return;
    Found& found = all.emplace_back();
    found.error = info(error).label;
    found.rejected = rejects(error);
  };
  OuterHeaders outer;
  const DecodeError error = decoder.outer({frame.data(), frame.size()}, outer);
  put_error(error);
  if (error != DecodeError::kNone) return all;
  ReportReader reader = decoder.reports(outer);
  Report report;
  while (reader.next(report)) {
    if (report.is_skipped()) {
      put_error(report.error);
    } else {
      all.push_back(plain(report));
    }
  }
  put_error(reader.error());
  return all;
}

void print(const char* who, const std::vector<Found>& all) {
  for (const Found& found : all) {
    std::fprintf(stderr, "%s: %s%s flow %s int %s\n ", who, found.error.c_str(),
                 found.rejected ? " (rejected)" : "", found.flow.c_str(),
                 found.int_version.c_str());
    for (const auto& [name, value] : found.values) {
      std::fprintf(stderr, " %s=%llu", name.c_str(), static_cast<unsigned long long>(value));
    }
    for (const reference::Values& hop : found.hops) {
      std::fprintf(stderr, "\n   hop");
      for (const auto& [name, value] : hop) {
        std::fprintf(stderr, " %s=%llu", name.c_str(), static_cast<unsigned long long>(value));
      }
    }
    std::fprintf(stderr, "\n");
  }
}

bool same(const Found& a, const Found& b) {
  return a.error == b.error && a.rejected == b.rejected && a.values == b.values &&
         a.flow == b.flow && a.int_version == b.int_version && a.hops == b.hops;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Settings> settings = make_settings();
  static const std::vector<std::unique_ptr<Decoder>> decoders = [] {
    std::vector<std::unique_ptr<Decoder>> made;
    for (const Settings& one : settings) made.push_back(std::make_unique<Decoder>(config_of(one)));
    return made;
  }();
  if (size == 0) return 0;
  const std::size_t choice = data[0] % settings.size();
  const Frame frame = frame_of({data + 1, data + size});
  const std::vector<Found> here = fast(*decoders[choice], frame);
  const std::vector<Found> there = reference::decode(frame, settings[choice]);
  bool agree = here.size() == there.size();
  for (std::size_t i = 0; agree && i < here.size(); ++i) agree = same(here[i], there[i]);
  if (agree) return 0;
  print("fast", here);
  print("reference", there);
  std::abort();
}
