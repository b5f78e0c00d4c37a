// The engine against the model of it: the same random traffic gives the same events in the same
// order and the same tables, with the fast path and without it. Batch by batch for the events,
// every few thousand reports for the tables.
//
// HOPSCOPE_MODEL_SEED=n adds a run of every kind of traffic with that seed.

#include "model/model.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>

#include "model/compare.h"
#include "model/traffic.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"

namespace hopscope::test::model {
namespace {

using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;

#ifdef HOPSCOPE_TEST_IS_SLOW
constexpr std::size_t kReports = 15'000;  ///< of a kind of traffic
#else
constexpr std::size_t kReports = 200'000;
#endif
constexpr std::size_t kRound = 4'096;

struct Case {
  std::string name;
  TrafficOptions traffic;
  EngineOptions engine;
  double regular = 0;  ///< at least so large a part goes the fast path
};

/// For messages of the test framework.
void PrintTo(const Case& chosen, std::ostream* out) {
  *out << chosen.name;
}

EngineOptions plain() {
  EngineOptions options;
  options.tables = {.flows_ipv4 = 1'024,
                    .flows_ipv6 = 512,
                    .ports = 256,
                    .queue_overflow = 256,
                    .switches = 64,
                    .sequences = 512,
                    .formats = 16,
                    .links = 1'024,
                    .drop_reasons = 1'024,
                    .idle_timeout_s = 60};
  options.seed = {};
  return options;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  // References hold: there is room for all of them.
  all.reserve(32);
  const auto add = [&](const char* name, double regular) -> Case& {
    return all.emplace_back(
        Case{.name = name, .traffic = {}, .engine = plain(), .regular = regular});
  };
  Case& usual = add("usual", 0.5);
  usual.traffic.moves = 0.002;
  usual.traffic.new_paths = 0.0005;
  usual.traffic.same_fields = true;
  usual.traffic.least_hops = 5;
  usual.traffic.most_hops = 6;
  Case& report05 = add("report05", 0.2);
  report05.traffic.versions = {0};
  Case& report20 = add("report20", 0.2);
  report20.traffic.versions = {2};
  report20.traffic.postcards = 0.01;

  Case& mixed = add("mixed", 0.01);
  mixed.traffic.versions = {0, 1, 2};
  mixed.traffic.postcards = 0.1;
  mixed.traffic.spoken_stacks = 0.05;
  mixed.traffic.drops = 0.05;
  mixed.traffic.no_values = 0.01;
  mixed.traffic.groups = 0.1;
  mixed.traffic.most_hops = 10;
  mixed.traffic.queues = 20;
  mixed.traffic.constant = 0.2;

  Case& evicting = add("evicting", 0.02);
  evicting.traffic.flows = 3'000;
  evicting.traffic.moves = 0.005;
  evicting.traffic.step_ns = 200'000;
  evicting.engine.tables.flows_ipv4 = 1'300;
  evicting.engine.tables.flows_ipv6 = 100;
  Case& refusing = add("refusing", 0.02);
  refusing.traffic.flows = 3'000;
  refusing.engine.tables.flows_ipv4 = 1'300;
  refusing.engine.tables.flows_ipv6 = 100;
  refusing.engine.tables.when_full = pipeline::FullPolicy::kRefuse;
  refusing.engine.tables.idle_timeout_s = 1;

  Case& expiring = add("expiring", 0.05);
  expiring.traffic.flows = 1'500;
  expiring.traffic.step_ns = 2'000'000;
  expiring.traffic.pauses = 0.001;
  expiring.traffic.pause_s = 6;
  expiring.traffic.queues = 12;
  expiring.traffic.most_hops = 3;
  expiring.engine.tables.flows_ipv4 = 1'500;
  expiring.engine.tables.idle_timeout_s = 2;

  Case& crowded = add("crowded", 0.005);
  crowded.traffic.versions = {1, 2};
  crowded.traffic.switches = 60;
  crowded.traffic.queues = 30;
  crowded.traffic.drops = 0.1;
  crowded.traffic.pauses = 0.002;
  crowded.traffic.pause_s = 10;
  crowded.engine.tables.ports = 60;
  crowded.engine.tables.queue_overflow = 50;
  crowded.engine.tables.switches = 30;
  crowded.engine.tables.sequences = 40;
  crowded.engine.tables.drop_reasons = 50;
  crowded.engine.tables.idle_timeout_s = 3;

  Case& refreshing = add("refreshing", 0.05);
  refreshing.traffic.step_ns = 200'000;
  refreshing.traffic.queues = 12;
  refreshing.traffic.moves = 0.002;
  refreshing.traffic.postcards = 0.02;
  refreshing.engine.events.refresh_s = 3;
  refreshing.engine.tables.idle_timeout_s = 20;

  Case& behind = add("behind", 0.05);
  behind.traffic.moves = 0.1;
  behind.traffic.new_paths = 0.05;
  behind.traffic.queues = 12;
  behind.traffic.postcards = 0.02;
  behind.engine.queues.event_entries = 24;
  behind.engine.events.refresh_s = 2;

  Case& edges = add("edges", 0);
  edges.engine.events.flow_latency.edges = {1e-4, 3e-4, 1e-3};
  edges.engine.events.hop_latency.edges = {2e-5, 6e-5, 1e-4, 5e-4};
  edges.engine.events.tx_utilization.edges = {17, 40, 80};
  edges.engine.events.queue_occupancy.edges = {10, 100, 1000};
  edges.engine.events.queue_occupancy.hysteresis = 0.5;
  edges.engine.events.queue_congestion.edges = {20};
  edges.traffic.versions = {0, 1};

  Case& quiet = add("quiet", 0.2);
  quiet.traffic.postcards = 0.01;
  quiet.engine.events.new_key = false;
  quiet.engine.events.path_change = false;
  quiet.engine.events.drop = false;
  quiet.engine.events.report_loss = false;
  quiet.engine.events.flow_latency.enabled = false;
  quiet.engine.events.tx_utilization.enabled = false;
  quiet.engine.events.hop_latency.hysteresis = 0;
  quiet.engine.events.queue_occupancy = {.width = 16, .edges = {}, .hysteresis = 1};

  Case& wide = add("wide", 0);
  wide.traffic.versions = {2};
  wide.traffic.wide_ports = true;
  wide.traffic.new_paths = 0.02;
  wide.traffic.least_hops = 3;
  wide.traffic.most_hops = 9;

  Case& clocks = add("clocks", 0);
  clocks.traffic.versions = {0, 1, 2};
  clocks.traffic.postcards = 0.05;
  clocks.traffic.spoken_stacks = 0.05;
  clocks.traffic.most_hops = 10;
  clocks.engine.tables.links = 200;
  clocks.engine.tables.idle_timeout_s = 5;
  clocks.engine.switches.defaults.clock = "ptp";
  pipeline::SwitchProfile& slow = clocks.engine.switches.by_id[3];
  slow.latency_unit_s = slow.time_unit_s = 1e-6;
  slow.clock = "slow";
  pipeline::SwitchProfile& odd = clocks.engine.switches.by_id[4];
  odd.latency_unit_s = 1.5e-9;
  odd.clock = "ptp";
  clocks.engine.switches.by_id[5] = {};

  Case& jumping = add("jumping", 0.02);
  jumping.traffic.pauses = 0.0005;
  jumping.traffic.pause_s = 40'000;
  jumping.traffic.set_back = 0.0002;
  jumping.traffic.from_before = 0.02;
  jumping.traffic.step_ns = 3'000'000;
  jumping.engine.events.refresh_s = 100;
  return all;
}

/// An engine, and what came of it.
struct Pipeline {
  MemorySource source;
  Engine engine;
  std::vector<Event> events;

  Pipeline(EngineOptions options, bool fast) : engine(with(std::move(options), fast), {&source}) {}

  static EngineOptions with(EngineOptions options, bool fast) {
    options.fast_path = fast;
    return options;
  }
  void give(const std::vector<Traffic::Frame>& frames) {
    source.items() = frames;
    source.rewind();
  }
  /// Takes the events since the last time.
  const std::vector<Event>& take() {
    std::array<Event, 256> taken;
    events.clear();
    while (const std::size_t count = engine.take_events(taken)) {
      events.insert(events.end(), taken.begin(), taken.begin() + count);
    }
    return events;
  }
};

void compare(const Case& chosen, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Model model(chosen.engine);
  Pipeline checked(chosen.engine, false);
  Pipeline fast(chosen.engine, true);
  Traffic traffic(chosen.traffic, seed);
  std::vector<Traffic::Frame> frames;
  const auto compare_events = [&] {
    ASSERT_EQ(difference(model.events(), checked.take()), "") << "without the fast path";
    ASSERT_EQ(difference(model.events(), fast.take()), "") << "with the fast path";
    model.events().clear();
    model.taken();
  };
  for (std::size_t done = 0; done < kReports; done += kRound) {
    SCOPED_TRACE("reports from " + std::to_string(done));
    traffic.next(kRound, frames);
    checked.give(frames);
    fast.give(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      model.take(frames[i].bytes, frames[i].time_ns);
      if ((i + 1) % io::kBatch != 0 && i + 1 != frames.size()) continue;
      checked.engine.run_inline();
      fast.engine.run_inline();
      ASSERT_NO_FATAL_FAILURE(compare_events()) << "frame " << i;
    }
    const auto rows = rows_of(model);
    ASSERT_EQ(difference(rows, rows_of(checked.engine)), "") << "without the fast path";
    ASSERT_EQ(difference(rows, rows_of(fast.engine)), "") << "with the fast path";
  }
  checked.engine.finish_inline();
  fast.engine.finish_inline();
  model.finish();
  ASSERT_NO_FATAL_FAILURE(compare_events());
  for (const Pipeline* pipeline : {&checked, &fast}) {
    EXPECT_EQ(difference(rows_of(model), rows_of(pipeline->engine)), "");
    EXPECT_EQ(difference(counts_of(model), counts_of(pipeline->engine)), "");
    EXPECT_EQ(difference(exposition_of(model), exposition_of(pipeline->engine)), "");
  }
  const auto total = fast.engine.total();
  EXPECT_EQ(checked.engine.total().regular_reports, 0U);
  EXPECT_GE(static_cast<double>(total.regular_reports),
            chosen.regular * static_cast<double>(total.reports));
}

class EngineAgainstModel : public testing::TestWithParam<Case> {};

TEST_P(EngineAgainstModel, Tables_AreTheSame) {
  compare(GetParam(), 1);
  const char* seed = std::getenv("HOPSCOPE_MODEL_SEED");
  if (seed != nullptr && *seed != '\0' && !HasFailure())
    compare(GetParam(), std::strtoull(seed, nullptr, 10));
}

INSTANTIATE_TEST_SUITE_P(Traffic, EngineAgainstModel, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hopscope::test::model
