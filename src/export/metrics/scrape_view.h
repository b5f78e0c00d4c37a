#pragma once
// Which part of the exposition one scrape wants: the parameters of its URL.

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "export/metrics/options.h"
#include "export/names/names.h"

namespace hopscope::exporter {

/// A parameter that is wrong, in one line for the client.
class QueryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ScrapeView {
  std::vector<std::string> families{};    ///< names or how they begin; empty: all
  std::vector<std::uint32_t> switches{};  ///< ids; empty: all
  std::uint32_t shard = 0;                ///< of `shards`
  std::uint32_t shards = 1;
  std::optional<std::uint32_t> top_k{};
  std::optional<FlowSort> sort{};

  [[nodiscard]] bool wants_family(std::string_view name) const noexcept;
  [[nodiscard]] bool wants_switch(std::uint32_t id) const noexcept;
  /// Keys are spread over the shards by their hash, the same in every process.
  [[nodiscard]] bool in_shard(std::uint64_t hash) const noexcept {
    return shards == 1 || hash % shards == shard;
  }
  /// Whether series that belong to no switch are in it: those of the collector itself.
  [[nodiscard]] bool wants_unswitched() const noexcept { return switches.empty() && shard == 0; }
};

/// `query` is what stands behind the "?". Throws QueryError.
[[nodiscard]] ScrapeView parse_view(std::string_view query, const FlowSeriesOptions& flows,
                                    const Names& names);

/// A hash of up to two words that never changes, for shards.
[[nodiscard]] std::uint64_t shard_hash(std::uint64_t a, std::uint64_t b = 0) noexcept;
[[nodiscard]] std::uint64_t shard_hash(const pipeline::FlowKey& key) noexcept;
[[nodiscard]] std::uint64_t shard_hash(const pipeline::IpAddress& address,
                                       std::uint64_t b) noexcept;

}  // namespace hopscope::exporter
