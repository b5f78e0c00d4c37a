#pragma once
// Which flow last fell into each bucket of a switch's latency histogram. One such table holds what
// the events tell that pass the exporter, so that a flow that left a bucket is not forgotten; each
// scrape that wants exemplars fills another one from the flows as they are. A table is of fixed
// size; one thread writes it, any reads it.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pipeline/events/event.h"
#include "pipeline/events/options.h"
#include "pipeline/tables/snapshot.h"
#include "pipeline/tables/units.h"

namespace hopscope::exporter {

class Exemplars {
 public:
  struct Found {
    pipeline::FlowKey flow;
    std::uint64_t latency_ns = 0;
    std::int64_t time_ns = 0;  ///< since 1970, when the report was received
  };

  explicit Exemplars(const pipeline::SwitchOptions& switches);
  /// An empty table for the same switches.
  [[nodiscard]] Exemplars another() const { return Exemplars(units_); }

  void take(std::span<const pipeline::Event> events) noexcept;
  void take(const pipeline::FlowSnapshot& flow) noexcept;

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

  explicit Exemplars(std::shared_ptr<const pipeline::UnitTable> units);
  /// Where it is newer than what is there.
  void take(std::uint32_t switch_id, std::uint64_t raw_latency, std::int64_t time_ns,
            const pipeline::FlowKey& flow) noexcept;
  [[nodiscard]] static std::size_t place(std::uint32_t switch_id, unsigned bucket) noexcept;
  [[nodiscard]] Row& row_for(std::uint32_t switch_id, unsigned bucket) noexcept;

  std::shared_ptr<const pipeline::UnitTable> units_;
  std::vector<Row> rows_;
};

}  // namespace hopscope::exporter
