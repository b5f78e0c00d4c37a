#include "pipeline/worker/authority.h"

#include "pipeline/tables/ageing_clock.h"
#include "pipeline/tables/moment.h"

namespace hopscope::pipeline {
namespace {

std::uint64_t key_of(const RowChange& change, const HashSeed& seed) noexcept {
  const std::uint64_t what = (static_cast<std::uint64_t>(change.measurement) << 32) | change.queue;
  // Nested, not combined by xor: both parts are pairs of small numbers and would cancel out.
  return hash_of(hash_of(port_key(change.switch_id, change.port), seed) + what, seed);
}

}  // namespace

Authority::Authority(const TableOptions& tables, const EventOptions& events, const HashSeed& seed,
                     EventBuffer& event_buffer)
    : new_key_(events.new_key),
      refresh_s_(events.refresh_s),
      idle_timeout_s_(tables.idle_timeout_s),
      seed_(seed),
      events_(event_buffer),
      // Utilisation of each port and, on the average, occupancy or congestion of three queues.
      rows_(4 * tables.ports + 2 * tables.queue_overflow) {}

bool Authority::emit(EventKind kind, const RowChange& change, const AuthorityRow* old) noexcept {
  Event* event = events_.claim(kind, change.measurement);
  if (event == nullptr) return false;
  event->receive_time_ns = change.receive_time_ns;
  event->has_switch_time = change.has_switch_time;
  event->switch_time = change.switch_time;
  event->time_switch_id = change.time_switch_id;
  event->has_switch = true;
  event->switch_id = change.switch_id;
  event->has_port = change.port != kNoPort;
  event->port = change.port;
  event->has_queue = change.measurement != Measurement::kTxUtilization;
  event->queue = change.queue;
  event->has_old = old != nullptr;
  if (old != nullptr) event->old_value = old->value;
  event->new_value = change.value;
  return true;
}

Authority::Verdict Authority::decide(RowChange& change) noexcept {
  const std::uint32_t now_s = seconds_of(change.now_ns);
  const std::uint32_t at = rows_.find_or_add(
      key_of(change, seed_), seed_, [](AuthorityRow& fresh) { fresh.interval = kNoInterval; },
      [&](const AuthorityRow& row) {
        return has_passed(row.last_event_s, now_s, idle_timeout_s_ + 1);
      });
  if (at == SlotIndex::kNone) {
    // Without a row the change still becomes an event; only doubles cannot be told.
    if (!change.refresh) (void)emit(EventKind::kValueMoved, change, nullptr);
    return Verdict::kKnown;
  }
  AuthorityRow& row = rows_[at];
  if (change.refresh) {
    if (row.known != 0 && has_passed(row.last_event_s, now_s, refresh_s_) &&
        emit(EventKind::kRefresh, change, &row)) {
      row.last_event_s = now_s;
      row.value = change.value;
    }
    return Verdict::kKnown;
  }
  if (row.known != 0 && row.interval == change.interval) return Verdict::kKnown;
  if (change.now_ns < row.now_ns) {
    change.interval = row.interval;
    return Verdict::kRefused;
  }
  const bool is_new = row.known == 0;
  const bool wanted = !is_new || new_key_;
  if (wanted && !emit(is_new ? EventKind::kNewKey : EventKind::kValueMoved, change,
                      is_new ? nullptr : &row)) {
    change.interval = row.interval;
    return Verdict::kRefused;
  }
  row.known = 1;
  row.interval = change.interval;
  row.value = change.value;
  row.now_ns = change.now_ns;
  row.last_event_s = now_s;
  return Verdict::kAccepted;
}

}  // namespace hopscope::pipeline
