#pragma once
// Which flow last fell into each bucket of a switch's latency histogram, from the events that pass
// the exporter. A fixed table: one thread writes, any reads.

#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/event.h"
#include "pipeline/options.h"
#include "pipeline/snapshot.h"
#include "pipeline/units.h"

namespace hopscope::exporter {

class Exemplars {
 public:
  struct Found {
    pipeline::FlowKey flow;
    std::uint64_t latency_ns = 0;
    std::int64_t time_ns = 0;  ///< since 1970, when the report was received
  };

  explicit Exemplars(const pipeline::SwitchOptions& switches);

  /// One thread.
  void take(std::span<const pipeline::Event> events) noexcept;

  /// Of latency_bucket() `bucket`. False: no event told of one. Any thread.
  [[nodiscard]] bool find(std::uint32_t switch_id, unsigned bucket, Found& found) const noexcept;

 private:
  /// Whole 8-byte words; `sequence` as single_writer.h wants it.
  struct alignas(8) Row {
    std::uint32_t sequence = 0;
    std::uint32_t switch_id = 0;
    std::uint32_t bucket = 0;  ///< plus 1; 0: the row is free
    std::uint32_t unused = 0;
    std::uint64_t latency_ns = 0;
    std::int64_t time_ns = 0;
    pipeline::FlowKey flow{};
  };

  static constexpr std::size_t kRows = 1 << 14;
  static constexpr std::size_t kTries = 8;

  [[nodiscard]] static std::size_t place(std::uint32_t switch_id, unsigned bucket) noexcept;
  [[nodiscard]] Row& row_for(std::uint32_t switch_id, unsigned bucket) noexcept;

  const pipeline::UnitTable units_;
  std::vector<Row> rows_;
};

}  // namespace hopscope::exporter
