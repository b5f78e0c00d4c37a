#include "export/sinks/remote_write/sample_writer.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "export/sinks/remote_write/remote_write.pb.h"

namespace hopscope::exporter {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
/// How far ahead of now a series with more samples than milliseconds may be dated.
constexpr std::int64_t kLeadMs = 1'000;
/// A newest sample so far ahead of now is of a clock that was set back since.
constexpr std::int64_t kClockSetMs = 60'000;
/// How long the newest time of an ended series is remembered, should it come back.
constexpr std::int64_t kRememberMs = 300'000;
/// A counter of events without an event ends.
constexpr std::int64_t kCounterIdleMs = 3'600'000;
/// Of one record what a sweep may add.
constexpr std::size_t kMaxSwept = 1 << 20;
/// Series that have waited, written with one record.
constexpr int kMaxWaiting = 64;

}  // namespace

SampleWriter::SampleWriter(const SampleOptions& options)
    : options_(options), point_(std::make_unique<remote_write::TimeSeries>()) {
  point_->add_samples();
}

SampleWriter::~SampleWriter() = default;

void SampleWriter::begin(std::int64_t now_ns, std::string& to) {
  to_ = &to;
  now_ms_ = now_ns / kNsPerMs;
  write_waiting();
  if (is_sweeping_) sweep();
}

/// The series, made if need be; null: there is no room for another.
SampleWriter::Entry* SampleWriter::find(const std::string& labels, Kind kind) {
  auto found = series_.find(labels);
  if (found == series_.end()) {
    if (series_.size() >= options_.max_series) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return nullptr;
    }
    found = series_.emplace(labels, Series{}).first;
    found->second.kind = kind;
    found->second.place = order_.size();
    order_.push_back(&*found);
  }
  Series& series = found->second;
  series.pass = pass_;
  series.touched_ms = now_ms_;
  return &*found;
}

void SampleWriter::row(const std::string& labels, double value) {
  Entry* const entry = find(labels, Kind::kRow);
  if (entry == nullptr || entry->second.row_pass == pass_) return;
  entry->second.row_pass = pass_;
  put(*entry, value, now_ms_);
}

void SampleWriter::row_sum(const std::string& labels, double value) {
  Entry* const entry = find(labels, Kind::kRow);
  if (entry == nullptr) return;
  Series& series = entry->second;
  if (series.row_pass == pass_) {
    // The value of one row alone, which was written, was too low; from now on all are awaited.
    series.is_shared = true;
    series.value += value;
    return;
  }
  series.row_pass = pass_;
  if (series.is_shared) {
    series.value = value;
  } else {
    put(*entry, value, now_ms_);
  }
}

void SampleWriter::event(const std::string& labels, double value, std::int64_t time_ns) {
  if (Entry* const entry = find(labels, Kind::kRow)) put(*entry, value, time_ns / kNsPerMs);
}

void SampleWriter::event_only(const std::string& labels, double value, std::int64_t time_ns) {
  if (Entry* const entry = find(labels, Kind::kEventValue)) {
    put(*entry, value, time_ns / kNsPerMs);
  }
}

void SampleWriter::count(const std::string& labels, std::int64_t time_ns) {
  Entry* const entry = find(labels, Kind::kEventCounter);
  if (entry == nullptr) return;
  Series& series = entry->second;
  const std::int64_t time_ms = time_ns / kNsPerMs;
  if (series.newest_ms < 0 || series.is_ended) {
    series.value = 0;
    put(*entry, 0, time_ms - 1);
  }
  put(*entry, series.value + 1, time_ms);
}

void SampleWriter::put(Entry& entry, double value, std::int64_t time_ms) {
  if (!std::isfinite(value)) return;
  Series& series = entry.second;
  series.value = value;
  series.is_ended = false;
  const std::int64_t wanted_ms = std::max<std::int64_t>(0, std::min(time_ms, now_ms_));
  std::int64_t at_ms = std::max(wanted_ms, series.newest_ms + 1);
  if (at_ms > now_ms_ + kLeadMs) {
    if (at_ms - now_ms_ <= kClockSetMs) {
      series.waits = true;
      if (!series.is_queued) waiting_.push_back(&entry);
      series.is_queued = true;
      return;
    }
    at_ms = wanted_ms;
  }
  write(entry, value, at_ms);
}

void SampleWriter::write(Entry& entry, double value, std::int64_t time_ms) {
  entry.second.newest_ms = time_ms;
  entry.second.waits = false;
  remote_write::Sample& sample = *point_->mutable_samples(0);
  sample.set_value(value);
  sample.set_timestamp(time_ms);
  // The field `timeseries`: tag, length, the labels' bytes as they are, the sample.
  constexpr char kTag = 1 << 3 | 2;
  std::array<std::uint8_t, 10> length;
  const auto bytes = static_cast<std::uint32_t>(entry.first.size() + point_->ByteSizeLong());
  const std::uint8_t* const end =
      google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(bytes, length.data());
  *to_ += kTag;
  to_->append(static_cast<const std::uint8_t*>(length.data()), end);
  *to_ += entry.first;
  point_->AppendToString(to_);
}

void SampleWriter::write_waiting() {
  for (int i = 0; i < kMaxWaiting && !waiting_.empty(); ++i) {
    Entry& entry = *waiting_.front();
    waiting_.pop_front();
    entry.second.is_queued = false;
    if (!entry.second.waits) continue;
    put(entry, entry.second.value, now_ms_);
    // Those behind it have waited less long.
    if (entry.second.waits) break;
  }
}

void SampleWriter::end_of_rows() {
  ++pass_;
  sweep_at_ = 0;
  is_sweeping_ = true;
  sweep();
}

void SampleWriter::sweep() {
  const std::size_t start = to_->size();
  while (sweep_at_ < order_.size() && to_->size() - start < kMaxSwept) {
    // One that is erased gives its place to another.
    if (sweep(*order_[sweep_at_])) ++sweep_at_;
  }
  is_sweeping_ = sweep_at_ < order_.size();
}

/// False: it was erased.
bool SampleWriter::sweep(Entry& entry) {
  Series& series = entry.second;
  const bool can_go =
      !series.is_queued && now_ms_ - std::max(series.touched_ms, series.newest_ms) > kRememberMs;
  const std::uint64_t finished = pass_ - 1;
  if (series.is_ended) {
    if (can_go) erase(entry);
    return !can_go;
  }
  switch (series.kind) {
    case Kind::kRow:
      if (options_.has_rows && series.pass < finished) {
        end(entry);
      } else if (series.is_shared && series.row_pass == finished) {
        put(entry, series.value, now_ms_);
      }
      break;
    case Kind::kEventCounter:
      if (now_ms_ - series.touched_ms > kCounterIdleMs) {
        end(entry);
      } else if (series.newest_ms < now_ms_) {
        put(entry, series.value, now_ms_);
      }
      return true;
    case Kind::kEventValue:
      break;
  }
  const bool is_silent = can_go && !(series.kind == Kind::kRow && options_.has_rows);
  if (is_silent) erase(entry);
  return !is_silent;
}

void SampleWriter::end(Entry& entry) {
  write(entry, std::bit_cast<double>(kStaleMarker), std::max(now_ms_, entry.second.newest_ms + 1));
  entry.second.is_ended = true;
  entry.second.is_shared = false;
}

void SampleWriter::erase(Entry& entry) {
  const std::size_t place = entry.second.place;
  order_[place] = order_.back();
  order_[place]->second.place = place;
  order_.pop_back();
  series_.erase(series_.find(entry.first));
}

}  // namespace hopscope::exporter
