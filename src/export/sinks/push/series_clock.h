#pragma once
// Timestamps that are unique and ascend within each series, as stores want them: of two points of
// one series with one time the later would take the place of the other.

#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace hopscope::exporter {

class SeriesClock {
 public:
  /// `step_ns`: the store's precision. `window_ns`: how far times may be from now, either way, so
  /// that two sources of one series are up to twice that apart.
  SeriesClock(std::int64_t step_ns, std::int64_t window_ns)
      : step_ns_(step_ns), reset_ns_(2 * window_ns + kSlackNs) {}

  /// The time to write for a point of `series` at `time_ns`: that time in whole steps, or the step
  /// behind the one that was given last. A time further before the newest of the series than two
  /// sources can be apart is taken for a clock that was set back, and is followed; each time that
  /// happens to a series its times are moved by a bit more, so that times that come again are other
  /// ones.
  [[nodiscard]] std::int64_t stamp(std::string_view series, std::int64_t time_ns);

  [[nodiscard]] std::size_t size() const noexcept { return series_.size(); }

 private:
  static constexpr std::int64_t kSlackNs = 10'000'000'000;  ///< for what is late on its way here
  static constexpr std::int64_t kMoveNs = 1009;  ///< with each reset; nothing in coarser steps
  static constexpr std::size_t kMaxSeries = 1 << 20;

  struct Series {
    std::int64_t newest = 0;  ///< that was asked for
    std::int64_t given = 0;
    std::int64_t moved = 0;
  };

  const std::int64_t step_ns_;
  const std::int64_t reset_ns_;
  std::unordered_map<std::uint64_t, Series> series_;  ///< by hash
};

}  // namespace hopscope::exporter
