#include "export/metrics/series_writer.h"

namespace hopscope::exporter {

bool SeriesWriter::begin(const Family& family) {
  end_family();
  if (!view_.wants_family(family.name)) return false;
  matched_ = true;
  if (!encoder_.alive()) return false;
  counts_.push_back({.family = std::string(family.name)});
  bytes_before_ = encoder_.bytes();
  in_family_ = true;
  encoder_.begin_family(family);
  return true;
}

void SeriesWriter::end_family() {
  if (!in_family_) return;
  encoder_.end_family();
  in_family_ = false;
  Count& count = counts_.back();
  count.series = series_;
  count.suppressed = suppressed_;
  count.bytes = encoder_.bytes() - bytes_before_;
  series_ = 0;
  suppressed_ = 0;
}

bool SeriesWriter::finish() {
  end_family();
  return encoder_.finish();
}

}  // namespace hopscope::exporter
