#include "app/decode/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace hopscope::app {
namespace {

using nlohmann::ordered_json;

std::string scalar_text(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool is_plain(const ordered_json& value) {
  if (value.is_object()) return false;
  return !value.is_array() || std::none_of(value.begin(), value.end(), [](const ordered_json& one) {
    return one.is_structured();
  });
}

std::string plain_text(const ordered_json& value) {
  if (!value.is_array()) return scalar_text(value);
  std::string text;
  for (const ordered_json& one : value) {
    if (!text.empty()) text += ',';
    text += scalar_text(one);
  }
  return text;
}

/// The object's name and values in one line, then nested objects, indented further.
void append_tree(std::string& to, std::string_view name, const ordered_json& object,
                 unsigned depth) {
  to.append(std::size_t{2} * depth, ' ');
  to += name;
  for (const auto& [key, value] : object.items()) {
    if (is_plain(value)) to += fmt::format("  {} {}", key, plain_text(value));
  }
  to += '\n';
  for (const auto& [key, value] : object.items()) {
    if (is_plain(value)) continue;
    if (value.empty()) continue;
    if (value.is_object()) {
      append_tree(to, key, value, depth + 1);
      continue;
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      append_tree(to, fmt::format("{}[{}]", key, i), value[i], depth + 1);
    }
  }
}

std::string endpoint(const ordered_json& outer, const char* address, const char* port) {
  if (!outer.contains(address)) return "?";
  const std::string host = outer[address].get<std::string>();
  if (!outer.contains(port)) return host;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
                     outer[port].get<unsigned>());
}

std::string headline(const ordered_json& json) {
  const ordered_json& outer = json["outer"];
  std::string text = fmt::format("{} > {}", endpoint(outer, "src", "udp_sport"),
                                 endpoint(outer, "dst", "udp_dport"));
  if (json.contains("report")) {
    const ordered_json& report = json["report"];
    constexpr std::string_view kVersions[] = {"0.5", "1.0", "2.0"};
    if (report.contains("version")) {
      const unsigned version = report.contains("layout") ? 2U : report["version"].get<unsigned>();
      text += fmt::format("  Telemetry Report {}", kVersions[std::min(version, 2U)]);
    }
    if (report.contains("seq")) text += fmt::format(", sequence {}", report["seq"].dump());
  }
  if (json.contains("format")) text += "  " + json["format"].get<std::string>();
  if (json.contains("packet")) text += "  data packet";
  if (json.contains("error")) {
    text += fmt::format("  {} ({})", json["error"].get<std::string>(), json.value("policy", ""));
  }
  return text;
}

}  // namespace

std::string decode_to_text(const ordered_json& json, std::uint64_t number) {
  std::string text = fmt::format("frame {}  {}\n", number, headline(json));
  for (const auto& [name, part] : json.items()) {
    if (part.is_object()) append_tree(text, name, part, 1);
  }
  return text;
}

}  // namespace hopscope::app
