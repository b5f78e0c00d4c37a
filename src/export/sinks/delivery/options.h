#pragma once
// How records get to a sink: the `delivery:` section that every sink has.

#include <chrono>
#include <cstdint>
#include <string>

namespace hopscope::exporter {

struct SpoolLimits {
  std::string directory;                 ///< empty: no spool
  std::uint64_t max_bytes = 1ULL << 30;  ///< of all segments
  double max_age_s = 7 * 24 * 3600;      ///< 0: no limit
  std::uint64_t segment_bytes = 16ULL << 20;
  double sync_interval_s = 1;
  double keep_delivered_s = 0;  ///< records leave so long after the other side has said yes
};

struct DeliveryOptions {
  std::uint32_t batch_records = 5000;
  std::uint64_t batch_bytes = 1ULL << 20;
  double batch_age_s = 1;  ///< the oldest record of a batch waits no longer
  std::uint64_t memory_bytes = 64ULL << 20;
  double retry_first_s = 1;
  double retry_most_s = 30;
  double replay_rate = 50'000;  ///< records per second from the spool; 0: as fast as it goes
  double stop_timeout_s = 5;    ///< for what is left at the end
  SpoolLimits spool;
};

[[nodiscard]] inline std::chrono::milliseconds in_ms(double seconds) {
  return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(seconds * 1000));
}

}  // namespace hopscope::exporter
