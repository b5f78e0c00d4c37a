#pragma once
// What became of the records of a sink. Always:
//   produced + recovered = delivered + in memory + in spool + sum of dropped

#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "base/assert.h"

namespace hopscope::exporter {

// clang-format off
// X(enumerator, label, meaning)
#define HOPSCOPE_DROP_REASONS(X)                                                                   \
  X(kMemoryFull, memory_full, "no spool, or it refused the record, and no room in memory")          \
  X(kSpoolSize, spool_size, "the oldest, removed to keep the spool within its size")                \
  X(kSpoolAge, spool_age, "too old")                                                                \
  X(kSpoolCorrupt, spool_corrupt, "could not be read back")                                         \
  X(kRefused, refused, "the other side will never take it")                                         \
  X(kShutdown, shutdown, "in memory only when the program ended")
// clang-format on

enum class DropReason : std::uint8_t {
#define HOPSCOPE_X(enumerator, label, meaning) enumerator,
  HOPSCOPE_DROP_REASONS(HOPSCOPE_X)
#undef HOPSCOPE_X
      kCount
};

[[nodiscard]] constexpr std::string_view label(DropReason reason) noexcept {
  constexpr std::string_view kLabels[] = {
#define HOPSCOPE_X(enumerator, label, meaning) #label,
      HOPSCOPE_DROP_REASONS(HOPSCOPE_X)
#undef HOPSCOPE_X
  };
  HOPSCOPE_ASSERT(reason < DropReason::kCount);
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
