#pragma once
// In front of an encoder: leaves out the families that a scrape does not want, cuts off those that
// exceed the cap, and counts. All samples of all families come by here.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "export/metrics/encoding/encoder.h"
#include "export/metrics/scrape_view.h"

namespace hopscope::exporter {

class SeriesWriter {
 public:
  Labels labels;  ///< of the next sample; the caller clears and fills it

  /// What a family came to.
  struct Count {
    std::string family;
    std::uint64_t series = 0;  ///< lines of the text format
    std::uint64_t bytes = 0;
    std::uint64_t suppressed = 0;  ///< series beyond the cap
  };

  /// `max_series`: of one family. The references must outlive it.
  SeriesWriter(Encoder& encoder, const ScrapeView& view, std::uint64_t max_series)
      : labels(encoder.label_format()), encoder_(encoder), view_(view), max_series_(max_series) {}

  /// Ends the family before and starts this one. False: it is not wanted, or nobody reads any more.
  bool begin(const Family& family);
  /// A family that is known but has no place in this view.
  void skip(std::string_view name) { matched_ = matched_ || view_.wants_family(name); }
  void sample(double value) {
    if (takes(1)) encoder_.sample(labels.bytes(), value);
  }
  void sample(std::uint64_t value) {
    if (takes(1)) encoder_.sample(labels.bytes(), value);
  }
  void histogram(const HistogramValue& value) {
    if (takes(value.counts.size() + 2)) encoder_.histogram(labels.bytes(), value);
  }
  void summary(std::uint64_t count, double sum) {
    if (takes(2)) encoder_.summary(labels.bytes(), count, sum);
  }
  /// False once the reader is gone, or its deadline.
  bool finish();

  /// Whether any family so far was wanted.
  [[nodiscard]] bool matched() const noexcept { return matched_; }
  [[nodiscard]] bool alive() const noexcept { return encoder_.alive(); }
  [[nodiscard]] const ScrapeView& view() const noexcept { return view_; }
  [[nodiscard]] bool takes_exemplars() const noexcept { return encoder_.takes_exemplars(); }
  [[nodiscard]] LabelFormat label_format() const noexcept { return encoder_.label_format(); }
  /// Of the families so far, in their order; those that were not wanted are not among them.
  [[nodiscard]] const std::vector<Count>& counts() const noexcept { return counts_; }

  /// The counts of the family under way are settled. begin() and finish() call it.
  void end_family();

 private:
  [[nodiscard]] bool takes(std::uint64_t series) {
    if (series_ + series > max_series_) {
      suppressed_ += series;
      return false;
    }
    series_ += series;
    return true;
  }

  Encoder& encoder_;
  const ScrapeView& view_;
  const std::uint64_t max_series_;
  std::uint64_t series_ = 0;
  std::uint64_t suppressed_ = 0;
  std::uint64_t bytes_before_ = 0;
  bool in_family_ = false;
  bool matched_ = false;
  std::vector<Count> counts_;
};

}  // namespace hopscope::exporter
