// The whole pipeline on one thread: decode, flows, latency per hop, ports and queues, histograms,
// sequence numbers, events. Every flow is known before the clock starts, but where new flows are
// what is measured. The number of events is checked.

#include <unistd.h>

#include <memory>

#include "cases.h"
#include "known_flows.h"
#include "pipeline/worker/engine.h"

namespace hopscope::bench {
namespace {

using pipeline::CounterSnapshot;
using pipeline::Engine;
using pipeline::InstructionSet;

struct Case {
  TrafficOptions traffic{};
  std::size_t frames = FrameRing::kInCache;
  InstructionSet set = pipeline::trusted_instruction_set();
};

std::uint64_t events_of(const CounterSnapshot& counters) {
  std::uint64_t sum = counters.events_dropped;
  for (const std::uint64_t of_kind : counters.events) sum += of_kind;
  return sum;
}

void whole_pipeline(benchmark::State& state, const Case& of) {
  Traffic traffic(of.traffic);
  FrameRing ring(of.frames);
  pipeline::EngineOptions options = engine_options(of.traffic);
  options.instruction_set = of.set;
  Engine engine(options, {&ring});
  make_known(engine, ring, traffic);
  const auto take = [&] {
    while (engine.run_inline() != 0) {
    }
  };
  const CounterSnapshot before = engine.total();
  const std::uint64_t moved_before = traffic.moved();
  time_rounds(
      state, ring.size(),
      [&] {
        drain_events(engine);
        ring.refill(traffic);
      },
      take);
  const CounterSnapshot after = engine.total();
  const auto reports = static_cast<std::uint64_t>(state.iterations()) * ring.size();
  const std::uint64_t events = events_of(after) - events_of(before);
  state.counters["events"] = static_cast<double>(events) / static_cast<double>(reports);
  state.counters["regular"] = static_cast<double>(after.regular_reports - before.regular_reports) /
                              static_cast<double>(reports);
  if (after.reports - before.reports != reports) state.SkipWithError("reports were lost");
  if (events != traffic.moved() - moved_before)
    state.SkipWithError("events were missed or made up");
}

/// Every report is of a flow that was never seen. `room`: the table has room for all; else each
/// takes the place of another.
void new_flows(benchmark::State& state, bool room) {
  constexpr std::uint32_t kFlows = 8 << 20;
  TrafficOptions options{.flows = kFlows, .events = 0, .new_flows = true};
  Traffic traffic(options);
  FrameRing ring(FrameRing::kInCache);
  options.flows = room ? 4 << 20 : 100'000;
  pipeline::EngineOptions engine_with = engine_options(options);
  engine_with.events.new_key = false;
  Engine engine(engine_with, {&ring});
  const auto take = [&] {
    while (engine.run_inline() != 0) {
    }
  };
  // Ports and queues are known; without room every place is taken.
  const std::size_t rounds = room ? 40 : 200;
  for (std::size_t i = 0; i < rounds; ++i) {
    ring.refill(traffic);
    take();
  }
  drain_events(engine);
  const CounterSnapshot before = engine.total();
  time_rounds(
      state, ring.size(), [&] { ring.refill(traffic); }, take);
  const CounterSnapshot after = engine.total();
  const auto reports = static_cast<std::uint64_t>(state.iterations()) * ring.size();
  const auto table = static_cast<std::size_t>(pipeline::Table::kFlowIpv4);
  const std::uint64_t entered = (after.entries[table] - before.entries[table]) +
                                (after.evicted[table] - before.evicted[table]) +
                                (after.refused[table] - before.refused[table]);
  if (entered != reports) state.SkipWithError("not every flow was new");
}

void add(const Case& of, const std::string& special = {}) {
  add_case("whole_pipeline" + suffix_of(of.traffic) + special, of.frames,
           [of](benchmark::State& state) { whole_pipeline(state, of); });
}

bool has_memory_for_10m_flows() {
  constexpr long kBytes = 5L << 30;
  return sysconf(_SC_AVPHYS_PAGES) > kBytes / sysconf(_SC_PAGESIZE);
}

}  // namespace

void add_pipeline_cases() {
  constexpr std::uint32_t kMost = 10'000'000;
  const bool may_have_most = has_memory_for_10m_flows();
  // The number of flows.
  for (const std::uint32_t flows : {1U, 1'000U, 100'000U, 1'000'000U, kMost}) {
    if (flows == kMost && !may_have_most) continue;
    add({.traffic = {.flows = flows}});
    if (flows != kMost) add({.traffic = {.hops = 3, .all_fields = false, .flows = flows}});
  }
  // Instruction sets other than the best one.
  for (int set = static_cast<int>(pipeline::trusted_instruction_set()) - 1; set >= 0; --set) {
    for (const std::uint32_t flows : {1U, 1'000U, 100'000U, 1'000'000U}) {
      const auto with = static_cast<InstructionSet>(set);
      add({.traffic = {.flows = flows}, .set = with}, std::string("/set:") + label(with).data());
    }
  }
  // The number of hops.
  for (const unsigned hops : {1U, 3U, 10U}) {
    for (const std::uint32_t flows : {1U, 1'000U, 100'000U}) {
      add({.traffic = {.hops = hops, .flows = flows}});
    }
  }
  // How often something happens.
  for (const double events : {0.0, 0.1, 1.0}) {
    for (const std::uint32_t flows : {1'000U, 100'000U}) {
      add({.traffic = {.flows = flows, .events = events}});
    }
  }
  // Which flows report.
  for (const std::uint32_t flows : {1'000U, 100'000U, 1'000'000U}) {
    add({.traffic = {.flows = flows, .zipf = true}});
  }
  // Where the frames lie.
  for (const std::uint32_t flows : {1U, 1'000U, 100'000U, 1'000'000U}) {
    add({.traffic = {.flows = flows}, .frames = FrameRing::kInMemory}, "/frames:memory");
  }
  // What they look like.
  for (int i = 1; i < static_cast<int>(Format::kCount); ++i) {
    for (const std::uint32_t flows : {1'000U, 100'000U}) {
      add({.traffic = {.format = static_cast<Format>(i), .flows = flows}});
    }
  }
  for (const bool room : {true, false}) {
    add_case(std::string("new_flows/hops:6/fields:9/") + (room ? "table:room" : "table:full"),
             FrameRing::kInCache, [room](benchmark::State& state) { new_flows(state, room); });
  }
}

}  // namespace hopscope::bench
