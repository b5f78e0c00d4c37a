// One pass of each stage over the same reports, to be counted by callgrind; bench/instructions runs
// it and compares with bench/instructions.budget. Prints a line per stage: name and reports.
//
//   bench_instructions scalar|avx2

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "fast_path_bed.h"
#include "known_flows.h"
#include "pipeline/tables/hop_list.h"

/// What callgrind looks for: it counts within, from zero, and writes a file at the end.
extern "C" [[gnu::noipa, gnu::used, gnu::externally_visible]] void hopscope_measured(
    void (*run)(void*), void* context) {
  run(context);
  asm volatile("" : : : "memory");
}

namespace hopscope::bench {
namespace {

template <typename Run>
void measure(const char* name, std::size_t reports, Run run) {
  hopscope_measured([](void* context) { (*static_cast<Run*>(context))(); }, &run);
  std::printf("%s %zu\n", name, reports);
}

void measure_decoder() {
  const TrafficOptions options{.events = 0};
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  ring.refill(traffic);
  const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
  const pipeline::UnitTable units{pipeline::SwitchOptions{}, pipeline::EventOptions{}};
  pipeline::HopReader hop_reader(units);
  measure("decode", ring.size(), [&] {
    pipeline::OuterHeaders outer;
    pipeline::Report report;
    pipeline::HopList list;
    for (std::size_t i = 0; i < ring.size(); ++i) {
      (void)decoder.outer({ring.frame(i), ring.length(i)}, outer);
      auto reader = decoder.reports(outer);
      while (reader.next(report)) hop_reader.read(report, list);
    }
  });
}

void measure_stages(pipeline::InstructionSet set) {
  const TrafficOptions options{.events = 0};
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  pipeline::EngineOptions engine_with = engine_options(options);
  engine_with.instruction_set = set;
  FastPathBed bed(engine_with);
  std::array<std::uint8_t, Traffic::kMaxFrame> frame;
  for (std::uint32_t flow = 0; flow < options.flows; ++flow) {
    for (int i = 0; i < 2; ++i) bed.take_checked({frame.data(), traffic.write(flow, frame.data())});
  }
  for (const Stage stage : {Stage::kHeader, Stage::kRead, Stage::kTake}) {
    ring.refill(traffic);
    measure(label(stage), ring.size(), [&] { (void)bed.run(ring, stage); });
  }
}

void measure_pipeline(const char* name, const TrafficOptions& options, pipeline::InstructionSet set,
                      bool fast_path = true) {
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  pipeline::EngineOptions engine_with = engine_options(options);
  engine_with.instruction_set = set;
  engine_with.fast_path = fast_path;
  pipeline::Engine engine(engine_with, {&ring});
  // New flows stay new: only the ports are to be known.
  if (!options.new_flows) make_known(engine, ring, traffic);
  const auto take = [&] {
    while (engine.run_inline() != 0) {
    }
  };
  for (int i = 0; i < 3; ++i) {
    ring.refill(traffic);
    take();
    drain_events(engine);
  }
  ring.refill(traffic);
  measure(name, ring.size(), take);
}

}  // namespace
}  // namespace hopscope::bench

int main(int argc, char** argv) {
  using hopscope::pipeline::InstructionSet;
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  const InstructionSet sets[] = {InstructionSet::kScalar, InstructionSet::kAvx2};
  const auto* set = std::find_if(std::begin(sets), std::end(sets),
                                 [&](InstructionSet one) { return label(one) == wanted; });
  if (set == std::end(sets)) {
    std::fputs("usage: bench_instructions scalar|avx2\n", stderr);
    return 2;
  }
  if (*set > hopscope::pipeline::best_instruction_set()) {
    std::fprintf(stderr, "this CPU has no %s\n", argv[1]);
    return 77;
  }
  namespace bench = hopscope::bench;
  bench::measure_decoder();
  bench::measure_stages(*set);
  bench::measure_pipeline("pipeline", {}, *set);
  bench::measure_pipeline("pipeline_no_events", {.events = 0}, *set);
  bench::measure_pipeline("pipeline_only_events", {.events = 1}, *set);
  bench::measure_pipeline("pipeline_3_hops_4_fields", {.hops = 3, .all_fields = false}, *set);
  bench::measure_pipeline("pipeline_wide", {.format = bench::Format::kWide}, *set);
  bench::measure_pipeline("pipeline_ipv6", {.format = bench::Format::kIpv6}, *set);
  bench::measure_pipeline("pipeline_checked", {}, *set, false);
  bench::measure_pipeline("new_flows", {.flows = 20'000, .events = 0, .new_flows = true}, *set);
}
