// Decoding alone, as the checked decoder does it: the report, the flow and every hop's values.

#include "cases.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/tables/hop_list.h"
#include "pipeline/tables/units.h"

namespace hopscope::bench {
namespace {

void decode_only(benchmark::State& state, const TrafficOptions& options) {
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
  const pipeline::UnitTable units{pipeline::SwitchOptions{}, pipeline::EventOptions{}};
  pipeline::HopReader hop_reader(units);
  pipeline::Report report;
  pipeline::OuterHeaders outer;
  pipeline::HopList list;
  std::uint64_t hops = 0;
  const auto round = [&] {
    for (std::size_t i = 0; i < ring.size(); ++i) {
      const pipeline::Bytes frame(ring.frame(i), ring.length(i));
      if (decoder.outer(frame, outer) != pipeline::DecodeError::kNone) continue;
      auto reader = decoder.reports(outer);
      while (reader.next(report)) {
        hop_reader.read(report, list);
        benchmark::DoNotOptimize(list);
        hops += list.length;
      }
    }
  };
  time_rounds(
      state, ring.size(), [&] { ring.refill(traffic); }, round);
  const auto rounds = static_cast<std::uint64_t>(state.iterations());
  if (hops != rounds * ring.size() * options.hops) state.SkipWithError("hops were lost");
}

void add(const TrafficOptions& options) {
  add_case("decode_only" + suffix_of(options), FrameRing::kInCache,
           [options](benchmark::State& state) { decode_only(state, options); });
}

}  // namespace

void add_decode_cases() {
  for (const Format format : {Format::kReport05, Format::kPlain, Format::kWide}) {
    for (const unsigned hops : {1U, 3U, 6U}) add({.format = format, .hops = hops});
  }
  add({.hops = 3, .all_fields = false});
}

}  // namespace hopscope::bench
