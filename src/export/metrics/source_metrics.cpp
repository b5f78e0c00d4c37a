#include "export/metrics/source_metrics.h"

#include <string>

#include "export/metrics/collected_families.h"
#include "export/names/families.h"

namespace hopscope::exporter {
namespace {

using io::SourceStatistics;

struct Statistic {
  const Family& family;
  std::uint64_t SourceStatistics::*value;
};
/// Of every source.
constexpr Statistic kOfAll[] = {
    {families::kSourceLost, &SourceStatistics::lost},
    {families::kSourceWakeups, &SourceStatistics::wakeups},
    {families::kSourcePolls, &SourceStatistics::polls},
    {families::kSourceEmptyPolls, &SourceStatistics::empty_polls},
};
constexpr Statistic kOfAfXdp[] = {
    {families::kXskRxDropped, &SourceStatistics::xsk_rx_dropped},
    {families::kXskRxRingFull, &SourceStatistics::xsk_rx_ring_full},
    {families::kXskRxFillRingEmptyDescs, &SourceStatistics::xsk_rx_fill_ring_empty_descs},
    {families::kXskRxInvalidDescs, &SourceStatistics::xsk_rx_invalid_descs},
    {families::kXskTxInvalidDescs, &SourceStatistics::xsk_tx_invalid_descs},
    {families::kXskTxRingEmptyDescs, &SourceStatistics::xsk_tx_ring_empty_descs},
    {families::kMultiBufferFrames, &SourceStatistics::multi_buffer_frames},
};

/// Families with one more label.
struct LabelledStatistic {
  const Family& family;
  const char* label;
  const char* label_value;
  std::uint64_t SourceStatistics::*value;
};
constexpr LabelledStatistic kOfAfXdpLabelled[] = {
    {families::kMultiBufferLost, "reason", "too_long", &SourceStatistics::multi_buffer_too_long},
    {families::kMultiBufferLost, "reason", "no_place", &SourceStatistics::multi_buffer_no_place},
    {families::kUmemFrames, "state", "total", &SourceStatistics::frames_total},
    {families::kUmemFrames, "state", "fill", &SourceStatistics::frames_in_fill},
    {families::kUmemFrames, "state", "rx", &SourceStatistics::frames_in_rx},
    {families::kUmemFrames, "state", "held", &SourceStatistics::frames_held},
};

void add_source(CollectedFamilies& out, const io::FrameSource& source) {
  const io::SourceDescription what = source.description();
  const SourceStatistics count = source.statistics();
  const std::string queue = std::to_string(what.queue);
  out.add(families::kXdpModeInfo,
          {{"interface", what.interface},
           {"queue", queue},
           {"mode", what.mode},
           {"zero_copy", what.zero_copy ? "true" : "false"},
           {"reason", what.reason}},
          1);
  const CollectedFamilies::Labels where{{"interface", what.interface}, {"queue", queue}};
  for (const auto& [family, value] : kOfAll) out.add(family, where, count.*value);
  if (what.kind != "af_xdp") return;
  for (const auto& [family, value] : kOfAfXdp) out.add(family, where, count.*value);
  for (const auto& [family, label, label_value, value] : kOfAfXdpLabelled) {
    out.add(family, {{"interface", what.interface}, {"queue", queue}, {label, label_value}},
            count.*value);
  }
}

}  // namespace

std::vector<prometheus::MetricFamily> SourceMetrics::Collect() const {
  CollectedFamilies out;
  for (const io::FrameSource* source : sources_) {
    if (source != nullptr) add_source(out, *source);
  }
  return out.take();
}

}  // namespace hopscope::exporter
