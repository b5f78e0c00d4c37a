// Every key of the configuration: name, meaning, unit, range, and the field that it sets; those of
// `export` are in schema_export.cpp.

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "app/config/config.h"
#include "app/config/schema_parts.h"

namespace hopscope::app {
namespace {

void receive(Visitor& v, io::ReceiveOptions& receive) {
  v.enter("receive", "Where frames come from.");
  choice(v, {"source", "AF_XDP, or UDP sockets for hosts that do not allow AF_XDP."},
         {"af_xdp", "udp"}, receive.source);
  io::AfXdpOptions& xdp = receive.af_xdp;
  v.text({"interface", "Network interface; `run` with af_xdp needs one."}, xdp.interface);
  choice(v,
         {"zero_copy", "Require zero-copy, use it where the driver supports it, or never use it."},
         {"require", "prefer", "off"}, xdp.zero_copy);
  choice(v, {"xdp_mode", "XDP in the driver, in the generic path, or the better of the two."},
         {"auto", "native", "generic"}, xdp.mode);
  integer(v,
          {"frames",
           "Frames per queue, a power of two. More absorb longer stalls, fewer stay in the cache.",
           "frames", 256, 1 << 20},
          xdp.frames);
  integer(v,
          {"frame_bytes", "Size of a frame's memory: 2048 or 4096; the packet gets 256 less.",
           "bytes", 2048, 4096},
          xdp.frame_bytes);
  choice(v,
         {"multi_buffer",
          "Receive frames that are larger than one frame's memory: where the MTU allows them, "
          "always, or never."},
         {"auto", "on", "off"}, xdp.multi_buffer);
  v.boolean({"huge_pages", "Try 2 MB pages for frame memory."}, xdp.huge_pages);
  choice(v,
         {"idle",
          "What a worker does without frames: keep polling, sleep after a while, or sleep at "
          "once."},
         {"spin", "adaptive", "poll"}, receive.idle);
  v.enter("busy_poll", "Preferred busy polling: NAPI runs on the worker's core.");
  v.boolean({"enabled", "Request it; whether the driver supports it is checked and reported."},
            xdp.busy_poll.enabled);
  integer(v, {"budget", "Frames per poll of the driver.", "frames", 1, 65535},
          xdp.busy_poll.budget);
  duration_in(v, {"timeout", "How long a call may poll.", "", 1e-6, 1}, 1e-6,
              xdp.busy_poll.timeout_us);
  v.leave();
  v.enter("udp", "For source: udp.");
  v.text({"listen", "Address to listen on; :: is every address, IPv4 as well."},
         receive.udp.listen);
  integer(v, {"buffers", "Datagrams in flight per worker, a power of two.", "datagrams", 64, 32768},
          receive.udp.buffers);
  integer(v, {"buffer_bytes", "Memory of a datagram, headers included.", "bytes", 256, 65536},
          receive.udp.buffer_bytes);
  v.size({"socket_buffer", "Receive buffer of the socket (SO_RCVBUF)."}, receive.udp.socket_buffer);
  v.leave();
  v.leave();
}

void workers(Visitor& v, std::vector<io::WorkerOptions>& workers) {
  v.list(
      "workers", "One worker per RX queue of the interface.", workers.size(),
      [&](std::size_t count) { workers.assign(count, io::WorkerOptions{}); },
      [&](std::size_t i) {
        integer(v, {"queue", "RX queue that the worker serves.", "", 0, 255}, workers[i].queue);
        integer(v, {"cpu", "CPU that it is pinned to; -1: not pinned.", "", -1, 4095},
                workers[i].cpu);
      });
}

void dialect(Visitor& v, pipeline::Dialect& dialect) {
  const pipeline::Preset before = dialect.preset;
  const std::vector<std::string_view> presets(std::begin(pipeline::kPresetLabels),
                                              std::end(pipeline::kPresetLabels));
  choice(v, {"preset", "A known sender, for the settings below; docs/formats.md says which."},
         presets, dialect.preset);
  if (dialect.preset != before) dialect = dialect_of(dialect.preset);
  v.optional_boolean({"tr10_dqf_before_reserved",
                      "1.0 reports have D, Q and F before the reserved bits (ONOS). none: "
                      "recognised where the bits are unambiguous."},
                     dialect.tr10_dqf_before_reserved);
  choice(v,
         {"int10_layout",
          "Widths in INT 1.0 stacks: by the hop length, as specified, or 64-bit times and 16-bit "
          "level 2 ports."},
         {"auto", "spec", "geant"}, dialect.int10_layout);
  v.boolean({"int_before_tcp_options", "INT is directly after the 20th byte of TCP."},
            dialect.int_before_tcp_options);
  v.boolean({"tr20_hw_id_4_bits", "2.0 group headers have a 4-bit hw_id and a 24-bit sequence."},
            dialect.tr20_hw_id_4_bits);
  v.boolean({"tr20_no_lengths", "2.0 reports leave Report Length and MD Length unfilled."},
            dialect.tr20_no_lengths);
  choice(v, {"hostint_sink", "Host-INT reports have the sink's node id before the packet."},
         {"auto", "present", "absent"}, dialect.hostint_sink);
  integer(v,
          {"sampling", "N, where the source reports one packet in N; counters are multiplied by N.",
           "", 1, 1 << 30},
          dialect.sampling);
}

std::string prefix_text(const pipeline::SourceDialect& source) {
  if (source.prefix.version == 0) return "";
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(source.prefix.version == 6 ? AF_INET6 : AF_INET, source.prefix.bytes.data(), text,
            sizeof text);
  return std::string(text) + "/" + std::to_string(source.prefix_length);
}

/// The visitor has checked the form.
void set_prefix(pipeline::SourceDialect& source, const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return;
  const bool is_ipv6 = text.find(':') != std::string::npos;
  source.prefix = {};
  source.prefix.version = is_ipv6 ? 6 : 4;
  inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text.substr(0, slash).c_str(),
            source.prefix.bytes.data());
  source.prefix_length = static_cast<std::uint8_t>(std::stoi(text.substr(slash + 1)));
}

void decode(Visitor& v, pipeline::DecodeConfig& decode) {
  v.enter("decode", "What reports look like. Nothing on the wire says how INT is marked.");
  integers(v, {"report_udp_port", "UDP destination ports of reports, up to 16.", "", 1, 65535},
           decode.report_udp_port);
  optional_integer(
      v,
      {"int_dscp", "DSCP that marks packets with INT; none: INT is not marked by DSCP.", "", 0, 63,
       0, true},
      decode.int_dscp);
  integer(v, {"int_dscp_mask", "Bits of the DSCP that are compared.", "", 0, 63, 0, true},
          decode.int_dscp_mask);
  optional_integer(
      v, {"int_udp_port", "UDP destination port that marks packets with INT.", "", 1, 65535},
      decode.int_udp_port);
  optional_integer(
      v, {"int_gre_proto", "GRE protocol that marks packets with INT.", "", 0, 65535, 0, true},
      decode.int_gre_proto);
  v.optional_hex({"int_probe_marker", "Eight bytes before the INT shim, as 16 hexadecimal digits."},
                 decode.int_probe_marker);
  integer(v, {"geneve_class", "Geneve option class of INT.", "", 0, 65535, 0, true},
          decode.geneve_class);
  integers(v, {"vxlan_gpe_next", "VXLAN-GPE next protocols that are INT.", "", 0, 255, 0, true},
           decode.vxlan_gpe_next);
  choice(
      v,
      {"data_packets",
       "Packets that carry INT themselves, instead of reports: auto reads them from captures, on "
       "also from an interface, which must be a mirror port: all its IP traffic goes to hopscope."},
      {"auto", "on", "off"}, decode.data_packets);
  v.boolean({"mri", "Packets may have the MRI option of the P4 tutorials (IPv4 option 31)."},
            decode.mri);
  choice(v,
         {"verify",
          "Wrong IPv4 and UDP checksums around reports: count, count and drop, or do not verify."},
         {"count", "drop", "off"}, decode.checksums);
  dialect(v, decode.dialect);
  std::vector<std::int64_t> domains;
  for (const auto& entry : decode.domains) domains.push_back(entry.first);
  v.by_number(
      "domains", "INT 2.x domains by id: bytes of source-only metadata by instruction bit.",
      domains, [&](std::int64_t id) { decode.domains[static_cast<std::uint16_t>(id)]; },
      [&](std::int64_t id) {
        auto& source_only = decode.domains[static_cast<std::uint16_t>(id)].source_only;
        std::map<std::int64_t, std::int64_t> values(source_only.begin(), source_only.end());
        v.number_map(
            {"source_only", "Bytes by domain-specific instruction bit mask.", "", 0, 65535},
            values);
        source_only.clear();
        for (const auto& [mask, bytes] : values) {
          source_only[static_cast<std::uint16_t>(mask)] = static_cast<std::uint32_t>(bytes);
        }
      });
  v.list(
      "sources",
      "Senders that deviate from the specification in their own way, each by prefix (the longest "
      "applies) or by node_id.",
      decode.sources.size(), [&](std::size_t count) { decode.sources.assign(count, {}); },
      [&](std::size_t i) {
        std::string prefix = prefix_text(decode.sources[i]);
        v.prefix({"prefix", "Source addresses of the reports, e.g. 10.0.0.0/8."}, prefix);
        set_prefix(decode.sources[i], prefix);
        optional_integer(
            v,
            {"node_id", "Or the reporting switch, at any address; it takes precedence.", "", 0,
             4294967295},
            decode.sources[i].node_id);
        dialect(v, decode.sources[i].dialect);
      });
  v.leave();
}

void interval(Visitor& v, pipeline::IntervalOptions& interval) {
  v.boolean({"events", "Make an event when the value moves to another interval."},
            interval.enabled);
  v.number({"width", "Width of the intervals, where edges is empty; as exported.", "", 1e-12, 1e18},
           interval.width);
  v.numbers({"edges", "Edges of the intervals, ascending, up to 15; instead of width."},
            interval.edges);
  v.number(
      {"hysteresis", "A value must leave its interval by this part of its width.", "ratio", 0, 1},
      interval.hysteresis);
}

template <typename Element>
std::vector<std::string> names_of(const std::vector<Element>& elements,
                                  std::string Element::*name) {
  std::vector<std::string> names;
  for (const Element& element : elements) names.push_back(element.*name);
  return names;
}

/// The element of that name; a new one if there is none.
template <typename Element>
Element& element_of(std::vector<Element>& elements, std::string Element::*name,
                    const std::string& wanted) {
  const auto found = std::find_if(elements.begin(), elements.end(),
                                  [&](const Element& one) { return one.*name == wanted; });
  if (found != elements.end()) return *found;
  elements.emplace_back().*name = wanted;
  return elements.back();
}

void measurements(Visitor& v, std::vector<pipeline::CustomHeaderMeasurement>& measurements) {
  constexpr auto kName = &pipeline::CustomHeaderMeasurement::field;
  v.by_name(
      "measurements", "Fields that become gauges, one time series per key.",
      names_of(measurements, kName),
      [&](const std::string& field) { (void)element_of(measurements, kName, field); },
      [&](const std::string& field) {
        pipeline::CustomHeaderMeasurement& measurement = element_of(measurements, kName, field);
        v.text({"unit", "Ends the metric's name, e.g. seconds or bytes."}, measurement.unit);
        v.number({"scale", "Exported value = raw value * scale.", "", -1e18, 1e18},
                 measurement.scale);
        interval(v, measurement.interval);
      });
}

void formats(Visitor& v, std::vector<pipeline::CustomHeaderConfig>& formats) {
  constexpr auto kName = &pipeline::CustomHeaderConfig::name;
  v.by_name(
      "formats",
      "Custom headers, each with the name that begins its metrics; docs/formats.md has examples.",
      names_of(formats, kName),
      [&](const std::string& name) { (void)element_of(formats, kName, name); },
      [&](const std::string& name) {
        pipeline::CustomHeaderConfig& format = element_of(formats, kName, name);
        optional_integer(v, {"udp_port", "UDP destination port of such frames.", "", 1, 65535},
                         format.udp_port);
        optional_integer(v, {"ethertype", "Or their EtherType.", "", 0x0600, 0xFFFF, 0, true},
                         format.ethertype);
        choice(v,
               {"starts",
                "Where the header begins: at the start of the payload, after the TCP or UDP header "
                "of the packet in the payload, or so that it ends with the payload."},
               {"payload", "inner_l4", "end"}, format.start);
        v.fields(
            {"fields",
             "name: bits in order, 1 to 128 each; name: {bits, if: FIELD or FIELD.BIT} for an "
             "optional field; name: {repeat: FIELD, fields: {...}} for a repeated group, one at "
             "most."},
            format.fields);
        v.words({"key", "Fields that identify a row, up to 4; those of a group as GROUP.FIELD."},
                format.key);
        measurements(v, format.measurements);
        v.text({"drop", "Field that is not zero if the packet was dropped."}, format.drop);
        v.text({"timestamp", "Field with the switch's time."}, format.timestamp);
      });
}

void tables(Visitor& v, pipeline::TableOptions& tables) {
  v.enter("tables", "Capacities; all memory is allocated at start.");
  const auto rows = [&](std::string_view name, std::string_view help, std::uint32_t& field,
                        double max) {
    integer(v, {name, help, "rows", 1, max}, field);
  };
  rows("flows_ipv4", "IPv4 flows, about 210 bytes each.", tables.flows_ipv4, 1 << 28);
  rows("flows_ipv6", "IPv6 flows, about 275 bytes each.", tables.flows_ipv6, 1 << 28);
  rows("ports",
       "Egress ports of all switches, per worker. Each holds 8 queues: the aligned block of 8 ids "
       "that contains the first id of the port.",
       tables.ports, 1 << 24);
  rows("queue_overflow", "Queues that do not fit the row of their port, per worker.",
       tables.queue_overflow, 1 << 24);
  rows("switches", "Switches, per worker.", tables.switches, 65535);
  rows("sequences", "Senders whose sequence numbers are tracked: (source, switch, hw_id).",
       tables.sequences, 1 << 20);
  rows("links", "Links between switches with synchronised clocks, per worker.", tables.links,
       1 << 24);
  rows("formats", "Keys of custom headers, per worker.", tables.formats, 1 << 24);
  rows("drop_reasons", "(switch, drop reason) pairs, per worker.", tables.drop_reasons, 1 << 20);
  duration_in(v,
              {"idle_timeout",
               "Flows, ports and queues without a report for this time are removed.", "", 1, 30000},
              1, tables.idle_timeout_s);
  choice(v,
         {"when_full",
          "A full flow table evicts the candidate idle longest, or refuses the new flow."},
         {"evict_oldest", "refuse"}, tables.when_full);
  v.leave();
}

void interval(Visitor& v, std::string_view name, std::string_view help, bool is_time,
              pipeline::IntervalOptions& interval) {
  v.enter(name, help);
  v.boolean({"enabled", "Make events."}, interval.enabled);
  if (is_time) {
    v.duration({"width", "Width of the intervals, where edges is empty.", "", 1e-9, 1e6},
               interval.width);
    v.numbers(
        {"edges", "Edges of the intervals, ascending, up to 15; instead of width.", "duration"},
        interval.edges);
  } else {
    v.number({"width", "Width of the intervals in the switch's unit, where edges is empty.", "",
              1e-9, 1e12},
             interval.width);
    v.numbers({"edges", "Edges of the intervals, ascending, up to 15; instead of width."},
              interval.edges);
  }
  v.number(
      {"hysteresis", "A value must leave its interval by this part of its width.", "ratio", 0, 1},
      interval.hysteresis);
  v.leave();
}

void events(Visitor& v, pipeline::EventOptions& events) {
  v.enter("events", "Which changes become events.");
  v.boolean({"new_key", "First report of a flow, port or queue."}, events.new_key);
  v.boolean({"path_change", "A flow takes another path."}, events.path_change);
  v.boolean({"drop", "A switch reports a dropped packet."}, events.drop);
  v.boolean({"report_loss", "Reports of a sender are missing, by their sequence numbers."},
            events.report_loss);
  duration_in(v,
              {"refresh", "An event for a key that had none for this time; 0: none.", "", 0, 1e6},
              1, events.refresh_s);
  interval(v, "flow_latency", "Sum of the hop latencies of a flow.", true, events.flow_latency);
  interval(v, "hop_latency", "Latency of a flow in a switch.", true, events.hop_latency);
  interval(v, "tx_utilization", "Utilisation of an egress port.", false, events.tx_utilization);
  interval(v, "queue_occupancy", "Occupancy of a queue.", false, events.queue_occupancy);
  interval(v, "queue_congestion", "Congestion status of a queue (INT 0.5).", false,
           events.queue_congestion);
  v.leave();
}

void profile(Visitor& v, pipeline::SwitchProfile& profile) {
  v.text({"name", "Label in metrics and events; empty: the id."}, profile.name);
  v.duration({"latency_unit", "Unit of the hop latency.", "", 1e-12, 1}, profile.latency_unit_s);
  v.duration({"time_unit", "Unit of the timestamps.", "", 1e-12, 1}, profile.time_unit_s);
  v.text({"clock",
          "Switches with the same name here have synchronised clocks (PTP): the latencies of flows "
          "and links are computed from their timestamps. Empty: its clock is not synchronised."},
         profile.clock);
  choice(v, {"occupancy_unit", "Unit of queue occupancy."}, {"bytes", "cells", "packets"},
         profile.occupancy_unit);
  integer(v, {"cell_bytes", "Size of a cell.", "bytes", 1, 1 << 20}, profile.cell_bytes);
  v.number({"tx_utilization_scale", "Exported utilisation = raw value * scale.", "", -1e12, 1e12},
           profile.tx_utilization_scale);
  v.text({"drop_reasons",
          "Table that names the drop reasons: p4lang-switch, tofino, fabric-tna, or one of "
          "switches.drop_reason_tables."},
         profile.drop_reasons);
}

void switches(Visitor& v, pipeline::SwitchOptions& switches) {
  v.enter("switches", "Names and units of switches.");
  std::vector<std::string> tables;
  for (const auto& entry : switches.drop_reason_tables) tables.push_back(entry.first);
  v.by_name(
      "drop_reason_tables", "Custom tables of drop reasons, by name.", tables,
      [&](const std::string& name) { switches.drop_reason_tables[name]; },
      [&](const std::string& name) {
        pipeline::DropReasons& reasons = switches.drop_reason_tables[name];
        std::map<std::int64_t, std::string> words(reasons.begin(), reasons.end());
        v.word_map({"reasons", "code: name. Other codes are shown in decimal.", "", 0, 255}, words);
        reasons.clear();
        for (const auto& [code, word] : words) reasons[static_cast<std::uint32_t>(code)] = word;
      });
  v.enter("defaults", "For switches without an entry, and for keys that an entry omits.");
  profile(v, switches.defaults);
  v.leave();
  std::vector<std::int64_t> ids;
  for (const auto& entry : switches.by_id) ids.push_back(entry.first);
  v.by_number(
      "by_id", "Switches by id, each with any of the keys of defaults.", ids,
      [&](std::int64_t id) {
        switches.by_id.try_emplace(static_cast<std::uint32_t>(id), switches.defaults);
      },
      [&](std::int64_t id) { profile(v, switches.by_id[static_cast<std::uint32_t>(id)]); });
  v.leave();
}

}  // namespace

void describe(Visitor& v, Config& config) {
  receive(v, config.receive);
  workers(v, config.workers);
  decode(v, config.decode);
  formats(v, config.decode.formats);
  tables(v, config.tables);
  events(v, config.events);
  switches(v, config.switches);
  v.enter("queues",
          "Lock-free queues between threads; entries that do not fit are dropped and counted.");
  integer(v, {"worker_entries", "From each worker to each other worker.", "entries", 64, 1 << 22},
          config.queues.worker_entries);
  integer(v, {"event_entries", "From each worker to the exporter.", "entries", 64, 1 << 22},
          config.queues.event_entries);
  v.leave();
  describe_export(v, config.exports);
  v.enter("log", "Messages on the standard error.");
  std::vector<std::string_view> levels{"trace", "debug", "info", "warn", "error", "off"};
  auto level = static_cast<std::size_t>(std::find(levels.begin(), levels.end(), config.log.level) -
                                        levels.begin());
  v.choice({"level", "The least severe message that is shown."}, levels, level);
  config.log.level = std::string(levels[level]);
  v.leave();
}

}  // namespace hopscope::app
