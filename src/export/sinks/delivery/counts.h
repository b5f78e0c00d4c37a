#pragma once
// What became of the records of a sink. Always:
//   produced + recovered = delivered + in memory + in spool + sum of dropped

#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>

namespace hopscope::exporter {

enum class DropReason : std::uint8_t {
  kMemoryFull,    ///< no spool, or it did not take it, and no room in memory
  kSpoolSize,     ///< the oldest gave way to newer ones
  kSpoolAge,      ///< too old
  kSpoolCorrupt,  ///< could not be read back
  kRefused,       ///< the other side will never take it
  kShutdown,      ///< in memory only, and the end came first
  kCount
};

[[nodiscard]] constexpr std::string_view label(DropReason reason) noexcept {
  constexpr std::string_view kLabels[] = {"memory_full",   "spool_size", "spool_age",
                                          "spool_corrupt", "refused",    "shutdown"};
  return kLabels[static_cast<std::size_t>(reason)];
}

using DropCounts = std::array<std::uint64_t, static_cast<std::size_t>(DropReason::kCount)>;

[[nodiscard]] inline std::uint64_t sum_of(const DropCounts& counts) noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

enum class SinkState : std::uint8_t {
  kOk,
  kRetrying,  ///< the other side does not answer; memory holds what waits
  kSpooling,  ///< records wait on the disk
  kDropping,  ///< records were dropped since the last batch that was delivered whole
  kCount
};

[[nodiscard]] constexpr std::string_view label(SinkState state) noexcept {
  constexpr std::string_view kLabels[] = {"ok", "retrying", "spooling", "dropping"};
  return kLabels[static_cast<std::size_t>(state)];
}

struct DeliveryCounts {
  std::uint64_t produced = 0;
  std::uint64_t recovered = 0;  ///< found in the spool at start
  std::uint64_t delivered = 0;
  std::uint64_t in_memory = 0;
  std::uint64_t in_spool = 0;  ///< on the disk only, not delivered
  DropCounts dropped{};
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_unwritten = 0;  ///< records that a crash of the process would take
  std::uint64_t spool_kept = 0;       ///< delivered, but still in the spool (keep_delivered)
  bool spool_failing = false;         ///< the disk refuses; it is tried again now and then
  std::uint64_t sent_again = 0;       ///< of those, because a connection had ended
  std::uint64_t bytes_delivered = 0;  ///< of records, before compression
  std::uint64_t batches = 0;          ///< delivered
  std::uint64_t retries = 0;
  std::uint64_t suppressed = 0;  ///< values that were left out because of a cap on series
  SinkState state = SinkState::kOk;
};

}  // namespace hopscope::exporter
