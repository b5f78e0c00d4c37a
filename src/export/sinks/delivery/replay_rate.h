#pragma once
// How many records may be read from the spool now: `replay_rate` per second, and those besides that
// were made while the spool was behind, for they are no replay. One thread.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/assert.h"

namespace hopscope::exporter {

class ReplayRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// `records_per_s` 0: no limit. Never more than `max_records` at a time.
  ReplayRate(double records_per_s, std::size_t max_records, Clock::time_point now)
      : records_per_s_(records_per_s), max_records_(max_records), allowed_at_(now) {}

  /// `live`: records made since the last call that are on the disk only.
  [[nodiscard]] std::size_t allowed(std::uint64_t live, Clock::time_point now) {
    if (records_per_s_ <= 0) return max_records_;
    HOPSCOPE_ASSERT(now >= allowed_at_);
    const std::chrono::duration<double> passed = now - allowed_at_;
    allowed_at_ = now;
    // A long pause allows no more than max_records_.
    const double limit = std::max(static_cast<double>(max_records_), allowance_);
    allowance_ =
        std::min(limit, allowance_ + passed.count() * records_per_s_) + static_cast<double>(live);
    return std::min(max_records_, static_cast<std::size_t>(std::max(allowance_, 0.0)));
  }
  void spend(std::size_t records) noexcept { allowance_ -= static_cast<double>(records); }

 private:
  const double records_per_s_;
  const std::size_t max_records_;
  double allowance_ = 0;
  Clock::time_point allowed_at_;
};

}  // namespace hopscope::exporter
