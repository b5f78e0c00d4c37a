#pragma once
// One answer to a scrape, rendered in each format by the code that answers scrapes, and discarded.

#include <cstdint>
#include <vector>

#include "app/config/config.h"
#include "app/forecast/forecast_collector.h"
#include "export/metrics/content_negotiation.h"
#include "export/metrics/example_tables.h"
#include "export/metrics/exemplars.h"
#include "export/metrics/series_writer.h"
#include "export/names/names.h"

namespace hopscope::app {

/// The size of an answer.
struct ForecastAnswer {
  std::vector<exporter::SeriesWriter::Count> families;
  std::uint64_t series = 0;
  std::uint64_t bytes = 0;
  std::uint64_t zipped = 0;
};

class ForecastScrape {
 public:
  /// `config` must outlive it.
  ForecastScrape(const Config& config, const exporter::ExampleSize& size);

  [[nodiscard]] ForecastAnswer render(exporter::ExpositionFormat format) const;

 private:
  void add_exemplars(std::uint64_t flows);

  const Config& config_;
  const exporter::Names names_;
  const exporter::ExampleTables tables_;
  const ForecastCollector collector_;
  exporter::Exemplars exemplars_;
};

}  // namespace hopscope::app
