#include "export/metrics/exemplars.h"

#include <utility>

#include "base/single_writer.h"
#include "pipeline/report/hash.h"

namespace hopscope::exporter {

using pipeline::Event;

Exemplars::Exemplars(const pipeline::SwitchOptions& switches)
    : Exemplars(std::make_shared<pipeline::UnitTable>(switches, pipeline::EventOptions{})) {}

Exemplars::Exemplars(std::shared_ptr<const pipeline::UnitTable> units)
    : units_(std::move(units)), rows_(kRows) {}

void Exemplars::take(std::span<const Event> events) noexcept {
  for (const Event& event : events) {
    if (event.measurement != pipeline::Measurement::kHopLatency || !event.has_flow ||
        !event.has_switch) {
      continue;
    }
    take(event.switch_id, event.new_value, event.receive_time_ns, event.flow);
  }
}

void Exemplars::take(const pipeline::FlowSnapshot& flow) noexcept {
  for (unsigned i = 0; i < flow.hop_count; ++i) {
    const pipeline::HopSnapshot& hop = flow.hops[i];
    if (hop.has_latency) take(hop.switch_id, hop.latency, flow.last_seen_ns, flow.key);
  }
}

void Exemplars::take(std::uint32_t switch_id, std::uint64_t raw_latency, std::int64_t time_ns,
                     const pipeline::FlowKey& flow) noexcept {
  const std::uint64_t latency_ns = (*units_)[units_->index_of(switch_id)].latency_ns(raw_latency);
  const unsigned bucket = pipeline::latency_bucket(latency_ns);
  Row& row = row_for(switch_id, bucket);
  if (row.bucket != 0 && time_ns < row.time_ns) return;
  const Row fresh{.switch_id = switch_id,
                  .bucket = bucket + 1,
                  .latency_ns = latency_ns,
                  .time_ns = time_ns,
                  .flow = flow};
  const RowWriter writer(row.sequence);
  put_row(row, fresh);
}

std::size_t Exemplars::place(std::uint32_t switch_id, unsigned bucket) noexcept {
  return pipeline::hash_of(std::uint64_t{switch_id} << 8 | bucket, pipeline::HashSeed{}) % kRows;
}

/// Its own, else a free one, else that of the oldest among those that it could have.
Exemplars::Row& Exemplars::row_for(std::uint32_t switch_id, unsigned bucket) noexcept {
  const std::size_t first = place(switch_id, bucket);
  Row* oldest = &rows_[first];
  for (std::size_t i = 0; i < kTries; ++i) {
    Row& row = rows_[(first + i) % kRows];
    if (row.bucket == 0 || (row.switch_id == switch_id && row.bucket == bucket + 1)) return row;
    if (row.time_ns < oldest->time_ns) oldest = &row;
  }
  return *oldest;
}

bool Exemplars::find(std::uint32_t switch_id, unsigned bucket, Found& found) const noexcept {
  const std::size_t first = place(switch_id, bucket);
  Row copy;
  for (std::size_t i = 0; i < kTries; ++i) {
    if (!read_row(rows_[(first + i) % kRows], copy) || copy.bucket == 0) return false;
    if (copy.switch_id != switch_id || copy.bucket != bucket + 1) continue;
    found = {.flow = copy.flow, .latency_ns = copy.latency_ns, .time_ns = copy.time_ns};
    return true;
  }
  return false;
}

}  // namespace hopscope::exporter
