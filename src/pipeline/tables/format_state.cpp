#include "pipeline/tables/format_state.h"

#include <algorithm>

#include "pipeline/tables/flow_record.h"
#include "pipeline/tables/moment.h"

namespace hopscope::pipeline {

FormatState::FormatState(std::uint32_t capacity, const TableOptions& tables,
                         const EventOptions& events, const std::vector<CustomHeaderPlan>& plans,
                         const HashSeed& seed, EventBuffer& event_buffer)
    : options_(events),
      idle_timeout_s_(tables.idle_timeout_s),
      seed_(seed),
      events_(event_buffer),
      rows_(plans.empty() ? 1 : capacity) {
  for (const CustomHeaderPlan& plan : plans) {
    auto& rules = rules_.emplace_back();
    const auto& measurements = plan.config().measurements;
    for (std::size_t i = 0; i < measurements.size(); ++i) {
      rules[i] = IntervalRule(measurements[i].interval, measurements[i].scale);
    }
  }
}

Event* FormatState::claim(FormatRow& row, EventKind kind, const FormatRecord& record,
                          const FrameTime& time) noexcept {
  Event* event = events_.claim(kind, Measurement::kFormat);
  if (event == nullptr) return nullptr;
  event->receive_time_ns = time.receive_ns;
  event->has_switch_time = record.has_time;
  event->switch_time = record.time;
  event->time_switch_id = kNoSwitch;
  event->has_format = true;
  event->format = row.format;
  for (unsigned i = 0; i < kMaxFormatKeys; ++i) {
    event->format_key[2 * i] = row.key[2 * i];
    event->format_key[2 * i + 1] = row.key[2 * i + 1];
  }
  put(row.last_event_s, seconds_of(time.now_ns));
  return event;
}

void FormatState::take_value(FormatRow& row, unsigned index, const FormatRecord& record,
                             const FrameTime& time) noexcept {
  const IntervalRule& rule = rules_[row.format][index];
  const std::uint64_t value = record.value[index];
  const bool is_first = ((row.present >> index) & 1) == 0;
  if (is_first) {
    put(row.present, static_cast<std::uint8_t>(row.present | 1U << index));
    put(row.interval[index], rule.index(value));
  } else if (rule.enabled() && rule.left(value, row.interval[index])) {
    // Without room for the event the interval stays, and the change is seen again.
    if (Event* event = claim(row, EventKind::kValueMoved, record, time)) {
      event->format_value = static_cast<std::uint8_t>(index);
      event->has_format_value = true;
      event->has_old = true;
      event->old_value = row.value[index];
      event->new_value = value;
      put(row.interval[index], rule.index(value));
    }
  }
  put(row.value[index], value);
}

void FormatState::apply(const CustomHeaderPlan& plan, const FormatRecord& record,
                        std::uint64_t hash, std::uint32_t weight, const FrameTime& time) noexcept {
  const std::uint32_t now_s = seconds_of(time.now_ns);
  const std::uint32_t at = rows_.find_or_add(
      hash, seed_,
      [&](FormatRow& fresh) {
        fresh.format = static_cast<std::uint8_t>(plan.number());
        fresh.used = 1;
        fresh.last_s = now_s;
        for (unsigned i = 0; i < kMaxFormatKeys; ++i) {
          fresh.key[2 * i] = record.key[i].high;
          fresh.key[2 * i + 1] = record.key[i].low;
        }
      },
      [&](const FormatRow& row) { return has_passed(row.last_s, now_s, idle_timeout_s_ + 1); });
  if (at == SlotIndex::kNone) return;
  FormatRow& row = rows_[at];
  const RowWriter writer(row.sequence);
  // Without room for the event the key is announced with a later header.
  if (row.announced == 0 &&
      (!options_.new_key || claim(row, EventKind::kNewKey, record, time) != nullptr)) {
    put(row.announced, std::uint8_t{1});
  }
  if (!record.further) put(row.reports, row.reports + weight);
  put(row.last_s, now_s);
  if (record.dropped && !record.further) {
    put(row.drops, row.drops + weight);
    if (options_.drop) (void)claim(row, EventKind::kDrop, record, time);
  }
  for (unsigned i = 0; i < kMaxFormatValues; ++i) {
    if (((record.present >> i) & 1) != 0) take_value(row, i, record, time);
  }
}

void FormatState::sweep(std::uint32_t rows, std::uint32_t now_s) noexcept {
  const std::uint32_t end = rows_.used_end();
  for (std::uint32_t i = 0; i < std::min(rows, end); ++i) {
    sweep_at_ = sweep_at_ + 1 < end ? sweep_at_ + 1 : 0;
    const FormatRow& row = rows_[sweep_at_];
    if (row.used == 0 || !has_passed(row.last_s, now_s, idle_timeout_s_ + 1)) continue;
    rows_.erase(sweep_at_, seed_);
  }
}

}  // namespace hopscope::pipeline
