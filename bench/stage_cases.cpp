// The stages of the fast path, each with those before it: the cost of one is the difference to the
// one before. Reports with which nothing happens.

#include "cases.h"
#include "fast_path_bed.h"

namespace hopscope::bench {
namespace {

void stage_case(benchmark::State& state, const TrafficOptions& options, Stage stage) {
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  pipeline::EngineOptions engine_with;
  engine_with.tables.flows_ipv4 = options.flows + options.flows / 8 + 64;
  engine_with.tables.ports = 2 * Traffic::kSwitches * Traffic::kPorts;
  FastPathBed bed(engine_with);
  std::array<std::uint8_t, Traffic::kMaxFrame> frame;
  for (std::uint32_t flow = 0; flow < options.flows; ++flow) {
    // Twice: the first report of a flow makes its rows, and may make the shape.
    for (int i = 0; i < 2; ++i) bed.take_checked({frame.data(), traffic.write(flow, frame.data())});
  }
  std::uint64_t taken = 0;
  time_rounds(
      state, ring.size(), [&] { ring.refill(traffic); }, [&] { taken += bed.run(ring, stage); });
  // Two flows whose tags are the same go the checked way.
  const auto frames = static_cast<std::uint64_t>(state.iterations()) * ring.size();
  if (taken < frames - frames / 1000) {
    state.SkipWithError("reports that should be regular are not");
  }
}

}  // namespace

void add_stage_cases() {
  for (int i = 0; i < static_cast<int>(Stage::kCount); ++i) {
    for (const std::uint32_t flows : {1U, 1'000U, 100'000U, 1'000'000U}) {
      const TrafficOptions options{.flows = flows, .events = 0};
      TrafficOptions named = options;
      named.events = TrafficOptions{}.events;
      add_case(std::string("stages/upto:") + label(static_cast<Stage>(i)) + suffix_of(named),
               FrameRing::kInCache, [options, i](benchmark::State& state) {
                 stage_case(state, options, static_cast<Stage>(i));
               });
    }
  }
}

}  // namespace hopscope::bench
