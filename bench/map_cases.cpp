// The same work with maps of libraries. Before the clock starts both take the same traffic and must
// have told the same events.

#ifdef HOPSCOPE_HAS_ABSL
#include <absl/container/flat_hash_map.h>
#endif

#include <unordered_map>

#include "cases.h"
#include "known_flows.h"
#include "map_pipeline.h"
#include "pipeline/worker/engine.h"

namespace hopscope::bench {
namespace {

template <typename Key, typename Value>
using StdMap = std::unordered_map<Key, Value, Hash>;

template <template <typename, typename> class Map>
void take_ring(MapPipeline<Map>& maps, const FrameRing& ring, std::size_t frames,
               std::int64_t time_ns) {
  for (std::size_t i = 0; i < frames; ++i) {
    if (i + 8 < frames) prefetch(ring.frame(i + 8));
    maps.take({ring.frame(i), ring.length(i)}, time_ns);
  }
}

template <template <typename, typename> class Map>
void map_pipeline(benchmark::State& state, const TrafficOptions& options) {
  constexpr std::int64_t kTime = 1'000'000'000'000;
  constexpr int kComparedRounds = 20;
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  auto maps = std::make_unique<MapPipeline<Map>>();
  {
    pipeline::Engine engine(engine_options(options), {&ring});
    const auto take_both = [&](std::size_t frames) {
      take_ring(*maps, ring, frames, kTime);
      while (engine.run_inline() != 0) drain_events(engine);
    };
    for (std::uint32_t known = 0; known < options.flows;) {
      const auto frames =
          static_cast<std::uint32_t>(std::min<std::size_t>(ring.size(), options.flows - known));
      ring.fill(frames, [&](std::size_t i, std::uint8_t* frame) {
        return traffic.write(known + static_cast<std::uint32_t>(i), frame);
      });
      take_both(frames);
      known += frames;
    }
    for (int i = 0; i < kComparedRounds; ++i) {
      ring.refill(traffic);
      take_both(ring.size());
    }
    if (engine.total().events != maps->events()) {
      state.SkipWithError("the maps and the pipeline do not tell the same events");
      return;
    }
  }
  const std::uint64_t moved_before = traffic.moved();
  const auto of_kind = static_cast<std::size_t>(pipeline::EventKind::kValueMoved);
  const std::uint64_t events_before = maps->events()[of_kind];
  time_rounds(
      state, ring.size(), [&] { ring.refill(traffic); },
      [&] { take_ring(*maps, ring, ring.size(), kTime); });
  const std::uint64_t events = maps->events()[of_kind] - events_before;
  if (events != traffic.moved() - moved_before) state.SkipWithError("events were missed");
  state.counters["events"] =
      static_cast<double>(events) / (static_cast<double>(state.iterations()) * double(ring.size()));
}

template <template <typename, typename> class Map>
void add(const char* name) {
  for (const bool all_fields : {true, false}) {
    for (const std::uint32_t flows : {1U, 1'000U, 100'000U, 1'000'000U}) {
      const TrafficOptions options{
          .hops = all_fields ? 6U : 3U, .all_fields = all_fields, .flows = flows};
      // Slow enough that fewer rounds say as much.
      add_case(std::string("maps/of:") + name + suffix_of(options), 4 * FrameRing::kInCache,
               [options](benchmark::State& state) { map_pipeline<Map>(state, options); });
    }
  }
}

#ifdef HOPSCOPE_HAS_ABSL
template <typename Key, typename Value>
using FlatMap = absl::flat_hash_map<Key, Value, Hash>;
#endif

}  // namespace

void add_map_cases() {
  add<StdMap>("std_unordered_map");
#ifdef HOPSCOPE_HAS_ABSL
  add<FlatMap>("absl_flat_hash_map");
#endif
}

}  // namespace hopscope::bench
