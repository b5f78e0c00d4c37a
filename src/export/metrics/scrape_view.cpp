#include "export/metrics/scrape_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "pipeline/report/hash.h"

namespace hopscope::exporter {
namespace {

constexpr std::uint32_t kMaxShards = 1024;
constexpr std::string_view kParameters = "families, topk, sort, shard, switch";

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
      throw QueryError("a % in the query needs two hexadecimal digits behind it");
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// What a client sent, fit for one line of an answer.
std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShownBytes = 64;
  std::string line(text.substr(0, kMaxShownBytes));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

template <typename Visit>
void for_each_part(std::string_view text, char separator, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end != 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void parse_shard(std::string_view value, ScrapeView& view) {
  const std::size_t slash = value.find('/');
  if (slash != std::string_view::npos) {
    const auto shard = number(value.substr(0, slash));
    const auto shards = number(value.substr(slash + 1));
    if (shard && shards && *shard < *shards && *shards <= kMaxShards) {
      view.shard = *shard;
      view.shards = *shards;
      return;
    }
  }
  throw QueryError(fmt::format("shard is \"{}\"; needs i/n, i from 0 to n-1, n at most {}",
                               shown(value), kMaxShards));
}

FlowSort parse_sort(std::string_view value) {
  if (value == "reports") return FlowSort::kReports;
  if (value == "latency") return FlowSort::kLatency;
  if (value == "drops") return FlowSort::kDrops;
  throw QueryError(fmt::format("sort is \"{}\"; needs reports, latency or drops", shown(value)));
}

}  // namespace

bool ScrapeView::wants_family(std::string_view name) const noexcept {
  return families.empty() ||
         std::any_of(families.begin(), families.end(),
                     [name](const std::string& wanted) { return name.starts_with(wanted); });
}

bool ScrapeView::wants_switch(std::uint32_t id) const noexcept {
  return switches.empty() || std::find(switches.begin(), switches.end(), id) != switches.end();
}

ScrapeView parse_view(std::string_view query, const FlowSeriesOptions& flows, const Names& names) {
  ScrapeView view;
  for_each_part(query, '&', [&](std::string_view pair) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string name = decode(pair.substr(0, equals));
    const std::string value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (name == "families") {
      for_each_part(value, ',',
                    [&](std::string_view family) { view.families.emplace_back(family); });
      if (view.families.empty()) {
        throw QueryError("families is empty; needs names of families or how they begin");
      }
    } else if (name == "topk") {
      view.top_k = number(value);
      if (!view.top_k || *view.top_k == 0) {
        throw QueryError(fmt::format("topk is \"{}\"; needs a number from 1 on", shown(value)));
      }
    } else if (name == "sort") {
      view.sort = parse_sort(value);
    } else if (name == "shard") {
      parse_shard(value, view);
    } else if (name == "switch") {
      for_each_part(value, ',', [&](std::string_view one) {
        const std::optional<std::uint32_t> id = names.switch_id(one);
        if (!id) {
          throw QueryError(fmt::format(
              "switch \"{}\" is neither a name under switches.by_id nor an id", shown(one)));
        }
        view.switches.push_back(*id);
      });
      if (view.switches.empty()) throw QueryError("switch is empty; needs a name or an id");
    } else {
      throw QueryError(fmt::format("no parameter \"{}\"; there are {}", shown(name), kParameters));
    }
  });
  if (flows.series == FlowSeries::kOff && (view.top_k || view.sort)) {
    throw QueryError("topk and sort need series of flows; export.flows.series is off");
  }
  return view;
}

std::uint64_t shard_hash(std::uint64_t a, std::uint64_t b) noexcept {
  return pipeline::hash_of(a ^ pipeline::hash_of(b, {}), {});
}

std::uint64_t shard_hash(const pipeline::IpAddress& address, std::uint64_t b) noexcept {
  return shard_hash(pipeline::load_word(address.bytes.data()),
                    shard_hash(pipeline::load_word(address.bytes.data() + 8), b));
}

std::uint64_t shard_hash(const pipeline::FlowKey& key) noexcept {
  const std::uint64_t rest =
      (std::uint64_t{key.source_port} << 16 | key.destination_port) << 8 | key.protocol;
  return shard_hash(key.source, shard_hash(key.destination, rest));
}

}  // namespace hopscope::exporter
