#pragma once
// Answers scrapes: reads the request, renders what it asks for in the format that it wants, within
// its deadline, and counts how it ended. Any number of threads at a time.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "export/http/scrape_request.h"
#include "export/metrics/options.h"
#include "export/metrics/series_writer.h"
#include "export/names/names.h"

namespace hopscope::exporter {

enum class ScrapeResult : std::uint8_t { kOk, kDeadline, kGone, kRefused, kBadRequest, kCount };

/// How long an answer may take: the scraper's timeout less a margin for the way, half of it at
/// most. None where the header is absent or no positive number.
[[nodiscard]] std::optional<std::chrono::nanoseconds> time_for(std::string_view scrape_timeout);

class ScrapeHandler {
 public:
  using Clock = std::chrono::steady_clock;

  /// `write` writes all families and does not call finish(). `now` is for tests.
  ScrapeHandler(const FlowSeriesOptions& flows, std::uint64_t max_series, const Names& names,
                std::function<void(SeriesWriter&)> write,
                std::function<Clock::time_point()> now = &Clock::now);

  void answer(const ScrapeRequest& request, ScrapeResponse& response);
  /// A scrape that never got here.
  void count_refused() noexcept { count(ScrapeResult::kRefused); }

  /// Answers so far, by the labels of results.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> counts() const;

 private:
  ScrapeResult render(const ScrapeRequest& request, ScrapeResponse& response);
  void count(ScrapeResult result) noexcept {
    counts_[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
  }

  const FlowSeriesOptions flows_;
  const std::uint64_t max_series_;
  const Names& names_;
  const std::function<void(SeriesWriter&)> write_;
  const std::function<Clock::time_point()> now_;
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(ScrapeResult::kCount)> counts_{};
};

}  // namespace hopscope::exporter
