#include "app/replay/replay_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/report/decode_error.h"

namespace hopscope::app {
namespace {

using pipeline::CounterSnapshot;
using pipeline::Table;

/// Sum over both flow tables.
std::uint64_t flows_in(const std::array<std::uint64_t, kCountOf<Table>>& counts) {
  return counts[static_cast<std::size_t>(Table::kFlowIpv4)] +
         counts[static_cast<std::size_t>(Table::kFlowIpv6)];
}

nlohmann::ordered_json by_error(
    const std::array<std::uint64_t, pipeline::kDecodeErrorCount>& counts) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (std::size_t i = 1; i < counts.size(); ++i) {
    const auto error = static_cast<pipeline::DecodeError>(i);
    if (counts[i] != 0) json[std::string(pipeline::info(error).label)] = counts[i];
  }
  return json;
}

/// "new_key 12, drop 3", or "none".
std::string counts_text(const nlohmann::ordered_json& counts) {
  std::string text;
  for (const auto& [name, count] : counts.items()) {
    if (count.get<std::uint64_t>() == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count.get<std::uint64_t>());
  }
  return text.empty() ? "none" : text;
}

}  // namespace

nlohmann::ordered_json replay_summary(const pipeline::TableView& tables, double seconds) {
  const CounterSnapshot total = tables.total();
  nlohmann::ordered_json json{
      {"frames", total.frames},
      {"reports", total.reports},
      {"decoded", total.decoded},
      {"headers", total.format_records},
      {"hops", total.hops},
      {"flows", flows_in(total.entries) + flows_in(total.expired) + flows_in(total.evicted)},
      {"flows_evicted", flows_in(total.evicted)},
      {"flows_refused", flows_in(total.refused)}};
  nlohmann::ordered_json& events = json["events"] = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < total.events.size(); ++i) {
    events[std::string(label(static_cast<pipeline::EventKind>(i)))] = total.events[i];
  }
  json["dropped"] = by_error(total.dropped);
  json["errors"] = by_error(total.errors);
  nlohmann::ordered_json& versions = json["versions"] = nlohmann::ordered_json::object();
  for (std::size_t version = 0; version < total.reports_by.size(); ++version) {
    std::uint64_t reports = 0;
    for (const std::uint64_t count : total.reports_by[version]) reports += count;
    if (reports != 0) versions[std::string(pipeline::kVersionLabels[version])] = reports;
  }
  std::uint64_t gaps = 0;
  tables.for_each_sequence(
      [&gaps](const pipeline::SequenceSnapshot& sequence) { gaps += sequence.missing; });
  json["sequence_gaps"] = gaps;
  json["events_dropped"] = total.events_dropped;
  json["seconds"] = seconds;
  json["reports_per_second"] = seconds > 0 ? static_cast<double>(total.reports) / seconds : 0.0;
  return json;
}

std::string replay_text(const nlohmann::ordered_json& summary) {
  const auto number = [&summary](const char* key) { return summary.at(key).get<std::uint64_t>(); };
  std::string text;
  text += fmt::format("frames     {}, of which {} decoded\n", number("frames"), number("decoded"));
  text += fmt::format("refused    {}\n", counts_text(summary.at("dropped")));
  text += fmt::format("reports    {} ({}), {} hops\n", number("reports"),
                      counts_text(summary.at("versions")), number("hops"));
  if (number("headers") != 0) {
    text += fmt::format("headers    {} custom headers\n", number("headers"));
  }
  text += fmt::format("errors     {}\n", counts_text(summary.at("errors")));
  text += fmt::format("flows      {}{}\n", number("flows"),
                      number("flows_evicted") + number("flows_refused") == 0
                          ? ""
                          : fmt::format(", of which {} were evicted and may count again, and {} "
                                        "reports did not fit: tables.flows_* is too small",
                                        number("flows_evicted"), number("flows_refused")));
  text += fmt::format("events     {}\n", counts_text(summary.at("events")));
  text +=
      fmt::format("lost       {} reports, by their sequence numbers\n", number("sequence_gaps"));
  text += fmt::format("time       {:.3f} s, {:.0f} reports per second\n",
                      summary.at("seconds").get<double>(),
                      summary.at("reports_per_second").get<double>());
  return text;
}

}  // namespace hopscope::app
