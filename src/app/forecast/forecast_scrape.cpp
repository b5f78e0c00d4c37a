#include "app/forecast/forecast_scrape.h"

#include <cmath>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "app/forecast/size.h"
#include "export/metrics/encoding/gzip_stream.h"
#include "export/metrics/exposition.h"
#include "pipeline/report/hash.h"

namespace hopscope::app {
namespace {

using exporter::Encoder;
using exporter::ExpositionFormat;

/// A value in a bucket of the latency histogram.
std::uint64_t latency_in(unsigned bucket, std::uint64_t random) {
  const std::uint64_t above = bucket == 0 ? 0 : 1ULL << (bucket - 1 + pipeline::kLatencyFirstBit);
  const std::uint64_t width = bucket == 0 ? 1ULL << pipeline::kLatencyFirstBit : above;
  return above + 1 + random % (width - 1);
}

}  // namespace

ForecastScrape::ForecastScrape(const Config& config, const exporter::ExampleSize& size)
    : config_(config),
      names_(config.switches, config.decode.formats),
      tables_(size),
      collector_(config),
      exemplars_(config.switches) {
  if (size.flows > 0) add_exemplars(size.flows);
}

/// There is an exemplar of a flow for each bucket that is not empty.
void ForecastScrape::add_exemplars(std::uint64_t flows) {
  pipeline::FlowSnapshot flow;
  tables_.for_each_switch([&](const pipeline::SwitchSnapshot& row) {
    for (unsigned bucket = 0; bucket < pipeline::kLatencyBuckets; ++bucket) {
      if (row.latency_buckets[bucket] == 0) continue;
      const std::uint64_t random = pipeline::hash_of(row.latency_buckets[bucket], {});
      const double unit_ns = names_.profile(row.switch_id).latency_unit_s * 1e9;
      const auto latency_ns = static_cast<double>(latency_in(bucket, random));
      if (!tables_.read_flow(random % flows, flow)) continue;
      pipeline::Event event;
      event.kind = pipeline::EventKind::kValueMoved;
      event.measurement = pipeline::Measurement::kHopLatency;
      event.has_flow = true;
      event.flow = flow.key;
      event.has_switch = true;
      event.switch_id = row.switch_id;
      event.new_value = static_cast<std::uint64_t>(std::llround(latency_ns / unit_ns));
      event.receive_time_ns = flow.last_seen_ns;
      exemplars_.take(std::span(&event, 1));
    }
  });
}

ForecastAnswer ForecastScrape::render(ExpositionFormat format) const {
  ForecastAnswer answer;
  exporter::GzipStream gzip([&](std::string_view piece) {
    answer.zipped += piece.size();
    return true;
  });
  const std::unique_ptr<Encoder> encoder =
      exporter::make_encoder(format, [&](std::string_view piece) { return gzip.write(piece); });
  const exporter::ScrapeView everything;
  exporter::SeriesWriter out(*encoder, everything, config_.exports.max_series);
  exporter::write_exposition(collector_.self(tables_), config_.exports.fitting_flows(), names_,
                             &exemplars_, out);
  out.finish();
  gzip.finish();
  answer.families = out.counts();
  answer.bytes = encoder->bytes();
  for (const auto& family : answer.families) answer.series += family.series;
  return answer;
}

}  // namespace hopscope::app
