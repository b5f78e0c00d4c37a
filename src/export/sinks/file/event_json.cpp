#include <fmt/format.h>
#include <time.h>

#include <iterator>

#include "export/names/scale.h"
#include "export/sinks/file/event_json.h"
#include "pipeline/tables/flow_record.h"

namespace hopscope::exporter {
namespace {

using pipeline::Event;
using pipeline::EventKind;
using pipeline::Measurement;

/// As a JSON string with its quotes.
void append_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      to += c;
    }
  }
  to += '"';
}

/// RFC 3339 in UTC with nanoseconds.
void append_time(std::string& to, std::int64_t time_ns) {
  const std::int64_t ns = ((time_ns % 1'000'000'000) + 1'000'000'000) % 1'000'000'000;
  const time_t seconds = (time_ns - ns) / 1'000'000'000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  fmt::format_to(std::back_inserter(to), "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z\"",
                 parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                 parts.tm_sec, ns);
}

void append_flow(std::string& to, const pipeline::FlowKey& flow) {
  fmt::format_to(std::back_inserter(to),
                 R"(,"flow":{{"src":"{}","dst":"{}","sport":{},"dport":{},"proto":"{}"}})",
                 address_text(flow.source), address_text(flow.destination), flow.source_port,
                 flow.destination_port, protocol_text(flow.protocol));
}

/// {"service_path_id":7,...}; numbers above 53 bits as text, as JSON has no place for them.
void append_format(std::string& to, const Event& event, const Names& names) {
  const FormatNames& format = names.formats()[event.format];
  to += ",\"format\":";
  append_string(to, format.config().name);
  to += ",\"key\":{";
  const char* separator = "";
  for (const auto& [name, value] : format.labels(event.format_key)) {
    to += separator;
    append_string(to, name);
    to += ':';
    if (value.size() > 15) {
      append_string(to, value);
    } else {
      to += value;
    }
    separator = ",";
  }
  to += '}';
  if (!event.has_format_value) return;
  const pipeline::CustomHeaderMeasurement& measurement =
      format.config().measurements[event.format_value];
  to += ",\"field\":";
  append_string(to, measurement.field);
  fmt::format_to(std::back_inserter(to), ",\"old\":{},\"new\":{}",
                 scaled(static_cast<double>(event.old_value), measurement.scale),
                 scaled(static_cast<double>(event.new_value), measurement.scale));
}

void append_path(std::string& to, const char* key, const pipeline::Path& path, const Names& names) {
  fmt::format_to(std::back_inserter(to), ",\"{}\":[", key);
  for (unsigned i = 0; i < path.count; ++i) {
    if (i > 0) to += ',';
    append_string(to, names.switch_name(path.switch_id[i]));
  }
  to += ']';
}

/// Seconds per raw unit of a latency; 0 for what is no latency.
double latency_unit_s(const Event& event, const Names& names) {
  switch (event.measurement) {
    case Measurement::kFlowLatency:
      return 1e-9;
    case Measurement::kHopLatency:
      return names.profile(event.switch_id).latency_unit_s;
    default:
      return 0;
  }
}

void append_values(std::string& to, const Event& event, const Names& names) {
  auto out = std::back_inserter(to);
  if (event.measurement == Measurement::kFlow || event.has_format) return;
  if (event.has_old) fmt::format_to(out, ",\"old\":{}", event.old_value);
  fmt::format_to(out, ",\"new\":{}", event.new_value);
  if (event.measurement == Measurement::kFlowLatency) {
    to += event.timed ? ",\"by\":\"clocks\"" : ",\"by\":\"hops\"";
  }
  const double unit_s = latency_unit_s(event, names);
  if (unit_s > 0) {
    if (event.has_old) {
      fmt::format_to(out, ",\"old_seconds\":{}",
                     scaled(static_cast<double>(event.old_value), unit_s));
    }
    fmt::format_to(out, ",\"new_seconds\":{}",
                   scaled(static_cast<double>(event.new_value), unit_s));
  }
  if (event.measurement == Measurement::kDropReason) {
    to += ",\"reason\":";
    append_string(to,
                  names.drop_reason(event.switch_id, static_cast<std::uint32_t>(event.new_value)));
  }
}

}  // namespace

void append_event_json(std::string& to, const Event& event, const Names& names) {
  auto out = std::back_inserter(to);
  fmt::format_to(out, R"({{"kind":"{}","measurement":"{}","time":)", label(event.kind),
                 label(event.measurement));
  append_time(to, event.receive_time_ns);
  fmt::format_to(out, ",\"receive_time_ns\":{}", event.receive_time_ns);
  if (event.has_switch_time) {
    fmt::format_to(out, ",\"switch_time\":{}", event.switch_time);
    if (event.time_switch_id != pipeline::kNoSwitch) {
      fmt::format_to(out, ",\"time_switch\":{}", event.time_switch_id);
    }
  }
  if (event.has_sender) {
    fmt::format_to(out, R"(,"source":"{}","hw_id":{})", address_text(event.flow.source),
                   event.hw_id);
  }
  if (event.has_flow) append_flow(to, event.flow);
  if (event.has_switch) {
    fmt::format_to(out, ",\"switch\":{}", event.switch_id);
    if (names.has_name(event.switch_id)) {
      to += ",\"switch_name\":";
      append_string(to, names.switch_name(event.switch_id));
    }
  }
  if (event.has_port) fmt::format_to(out, ",\"port\":{}", event.port);
  if (event.has_queue) fmt::format_to(out, ",\"queue\":{}", event.queue);
  if (event.has_format) append_format(to, event, names);
  append_values(to, event, names);
  if (event.kind == EventKind::kPathChange) append_path(to, "old_path", event.old_path, names);
  if (event.new_path.count > 0) append_path(to, "path", event.new_path, names);
  to += '}';
}

}  // namespace hopscope::exporter
