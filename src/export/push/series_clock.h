#pragma once
// Timestamps that are unique and ascend within each series, as stores want them: of two points of
// one series with one time the later would take the place of the other.

#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace hopscope::exporter {

class SeriesClock {
 public:
  /// `step_ns`: the store's precision.
  explicit SeriesClock(std::int64_t step_ns) : step_ns_(step_ns) {}

  /// The time to write for a point of `series` at `time_ns`: that time in whole steps, or the step
  /// behind the newest one of the series. A time far before that (kReset) is taken for a clock that
  /// was set, and is left as it is.
  [[nodiscard]] std::int64_t stamp(std::string_view series, std::int64_t time_ns);

  [[nodiscard]] std::size_t size() const noexcept { return newest_.size(); }

 private:
  static constexpr std::int64_t kReset = 10'000'000'000;
  static constexpr std::size_t kMostSeries = 1 << 20;

  const std::int64_t step_ns_;
  std::unordered_map<std::uint64_t, std::int64_t> newest_;  ///< by hash of the series
};

}  // namespace hopscope::exporter
