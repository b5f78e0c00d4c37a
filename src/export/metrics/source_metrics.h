#pragma once
// What the sources of frames are, and what they counted.

#include <prometheus/collectable.h>

#include <utility>
#include <vector>

#include "io/frame_source.h"

namespace hopscope::exporter {

class SourceMetrics final : public prometheus::Collectable {
 public:
  /// The sources must outlive it; null ones are skipped.
  explicit SourceMetrics(std::vector<const io::FrameSource*> sources)
      : sources_(std::move(sources)) {}
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::vector<const io::FrameSource*> sources_;
};

}  // namespace hopscope::exporter
