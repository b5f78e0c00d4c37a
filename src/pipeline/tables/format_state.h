#pragma once
// What headers of one's own say, by key: a table of one worker, and the events of its keys. Each
// key has one owner, as a flow has.

#include <vector>

#include "pipeline/decode/custom_header_plan.h"
#include "pipeline/events/event_buffer.h"
#include "pipeline/events/intervals.h"
#include "pipeline/events/options.h"
#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/row_table.h"

namespace hopscope::pipeline {

struct alignas(kCacheLine) FormatRow {
  std::uint32_t sequence;
  std::uint8_t format;     ///< index among the formats
  std::uint8_t used;       ///< 0: the row was erased
  std::uint8_t present;    ///< bit per measurement that has come
  std::uint8_t announced;  ///< its new_key is on its way, or not wanted
  std::uint32_t last_s;    ///< ageing second of the newest header
  std::uint32_t last_event_s;
  std::uint64_t reports;
  std::uint64_t drops;
  std::array<std::uint64_t, 2 * kMaxFormatKeys> key;  ///< high and low of each field
  std::array<std::uint64_t, kMaxFormatValues> value;
  std::array<Interval, kMaxFormatValues> interval;
};
static_assert(sizeof(FormatRow) % 8 == 0);

class FormatState {
 public:
  FormatState(std::uint32_t capacity, const TableOptions& tables, const EventOptions& events,
              const std::vector<CustomHeaderPlan>& plans, const HashSeed& seed,
              EventBuffer& event_buffer);

  void apply(const CustomHeaderPlan& plan, const FormatRecord& record, std::uint64_t hash,
             std::uint32_t weight, const FrameTime& time) noexcept;

  /// Looks at so many rows; those that were silent for too long go.
  void sweep(std::uint32_t rows, std::uint32_t now_s) noexcept;

  [[nodiscard]] const RowTable<FormatRow>& rows() const noexcept { return rows_; }

 private:
  [[nodiscard]] Event* claim(FormatRow& row, EventKind kind, const FormatRecord& record,
                             const FrameTime& time) noexcept;
  void take_value(FormatRow& row, unsigned index, const FormatRecord& record,
                  const FrameTime& time) noexcept;

  const EventOptions options_;
  const std::uint32_t idle_timeout_s_;
  const HashSeed seed_;
  EventBuffer& events_;
  std::vector<std::array<IntervalRule, kMaxFormatValues>> rules_;  ///< by format
  RowTable<FormatRow> rows_;
  std::uint32_t sweep_at_ = 0;
};

}  // namespace hopscope::pipeline
