// The fast path against the checked way, under random settings: tables and queues that are too
// small, flows that expire, clocks that are set back, several workers and queues, batches of any
// size. Every event, in its order, every row and every count of every worker is the same.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <list>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "model/compare.h"
#include "model/traffic.h"
#include "pipeline/worker/engine.h"
#include "support/strict_source.h"

namespace hopscope::test::model {
namespace {

using pipeline::CounterSnapshot;
using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;
using pipeline::FullPolicy;
using pipeline::InstructionSet;
using Frames = std::vector<MemorySource::Item>;

#if defined(HOPSCOPE_TEST_IS_SLOW)
constexpr unsigned kSeeds = 12;
#else
constexpr unsigned kSeeds = 60;
#endif

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}

  template <typename T, typename... More>
  T pick(T first, More... more) {
    const std::array<T, 1 + sizeof...(More)> all{first, static_cast<T>(more)...};
    return all[random_() % all.size()];
  }

 private:
  std::mt19937 random_;
};

/// `is_mild`: most reports are such that the fast path takes them.
TrafficOptions traffic_of(Dice& dice, bool is_mild) {
  TrafficOptions traffic;
  traffic.versions = {dice.pick(0, 1, 2)};
  if (dice.pick(0, 1, 2) == 0) traffic.versions = {0, 1, 2};
  traffic.ipv6 = dice.pick(0.0, 0.3, 1.0);
  traffic.has_times = dice.pick(false, true);
  traffic.from_before = dice.pick(0.0, 0.01);
  traffic.set_back = dice.pick(0.0, 0.0, 0.001);
  traffic.constant = dice.pick(0.0, 0.5);
  traffic.queues = dice.pick(1U, 3U, 12U);
  traffic.same_fields = dice.pick(false, true) || is_mild;
  if (is_mild) {
    traffic.flows = dice.pick(20U, 100U, 400U);
    traffic.most_hops = dice.pick(4U, 6U, 8U);
    traffic.moves = dice.pick(0.0, 0.002, 0.02);
    traffic.new_paths = dice.pick(0.0, 0.005);
    traffic.drops = dice.pick(0.0, 0.01);
    traffic.broken = dice.pick(0.0, 0.002);
    traffic.pauses = dice.pick(0.0003, 0.003);
    return traffic;
  }
  traffic.flows = dice.pick(20U, 200U, 5000U);
  traffic.switches = dice.pick(4U, 20U, 300U);
  traffic.most_hops = dice.pick(4U, 8U, 10U);
  traffic.wide_ports = dice.pick(false, false, true);
  traffic.moves = dice.pick(0.01, 0.1);
  traffic.new_paths = dice.pick(0.005, 0.05);
  traffic.postcards = dice.pick(0.0, 0.05);
  traffic.spoken_stacks = dice.pick(0.0, 0.03);
  traffic.no_values = dice.pick(0.0, 0.003);
  traffic.groups = dice.pick(0.0, 0.2);
  traffic.pauses = dice.pick(0.005, 0.05);
  traffic.pause_s = dice.pick(2, 5, 40);
  return traffic;
}

EngineOptions engine_of(Dice& dice, bool is_mild) {
  EngineOptions options;
  options.seed = {};
  options.tables.flows_ipv4 = dice.pick(90U, 300U, 8000U);
  options.tables.flows_ipv6 = dice.pick(40U, 100U, 8000U);
  options.tables.ports = is_mild ? dice.pick(60U, 2000U) : dice.pick(16U, 100U);
  options.tables.switches = is_mild ? 500U : dice.pick(8U, 500U);
  options.tables.queue_overflow = dice.pick(4U, 400U);
  options.tables.sequences = dice.pick(4U, 64U, 4096U);
  options.tables.idle_timeout_s = dice.pick(1U, 2U, 3U, 30U);
  options.tables.when_full = dice.pick(FullPolicy::kEvictOldest, FullPolicy::kRefuse);
  options.queues.worker_entries = dice.pick(16U, 64U, 4096U);
  options.queues.event_entries = dice.pick(16U, 300U, 65536U);
  options.events.refresh_s = dice.pick(0U, 0U, 1U, 5U);
  return options;
}

struct Setting {
  explicit Setting(unsigned seed) : dice(seed) {}

  Dice dice;
  bool is_mild = dice.pick(true, true, true, false);
  TrafficOptions traffic = traffic_of(dice, is_mild);
  EngineOptions engine = engine_of(dice, is_mild);
  unsigned workers = dice.pick(1U, 2U, 3U, 4U);
  unsigned queues = dice.pick(1U, workers);
  bool is_live = dice.pick(false, true);
  std::size_t frames = dice.pick(std::size_t{70}, std::size_t{130}, std::size_t{2000});
  InstructionSet set = dice.pick(InstructionSet::kScalar, pipeline::best_instruction_set());
};

class Run {
 public:
  Run(const Setting& setting, bool fast_path, unsigned seed) {
    EngineOptions options = setting.engine;
    options.fast_path = fast_path;
    options.instruction_set = setting.set;
    std::vector<io::FrameSource*> sources(setting.workers, nullptr);
    for (unsigned i = 0; i < setting.queues; ++i) {
      sources[i] =
          sources_
              .emplace_back(std::make_unique<StrictSource>(setting.frames, setting.is_live, seed))
              .get();
    }
    engine_ = std::make_unique<Engine>(options, sources);
  }

  void take(const Frames& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) sources_[i % sources_.size()]->add(frames[i]);
    while (engine_->run_inline() != 0) {
      check_accounts();
      take_events();
    }
    for (const auto& source : sources_) EXPECT_EQ(source->held(), 0U);
  }

  void finish() {
    engine_->finish_inline();
    take_events();
  }

  [[nodiscard]] const Engine& engine() const noexcept { return *engine_; }
  [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }

 private:
  /// frames in = decoded + refused by reason + without room at their owner
  void check_accounts() const {
    for (unsigned i = 0; i < sources_.size(); ++i) {
      const CounterSnapshot counters = engine_->counters(i);
      const std::uint64_t dropped =
          std::accumulate(counters.dropped.begin(), counters.dropped.end(), std::uint64_t{0});
      ASSERT_EQ(counters.frames, sources_[i]->received());
      ASSERT_EQ(counters.frames, counters.decoded + dropped + counters.handoff_dropped);
    }
  }

  void take_events() {
    std::array<Event, 256> some;
    while (const std::size_t count = engine_->take_events(some)) {
      events_.insert(events_.end(), some.begin(), some.begin() + static_cast<long>(count));
    }
  }

  std::vector<std::unique_ptr<StrictSource>> sources_;
  std::unique_ptr<Engine> engine_;
  std::vector<Event> events_;
};

void compare(const Run& checked, const Run& fast, unsigned workers) {
  ASSERT_EQ(difference(checked.events(), fast.events()), "");
  ASSERT_EQ(difference(rows_of(checked.engine()), rows_of(fast.engine())), "");
  ASSERT_EQ(difference(counts_of(checked.engine()), counts_of(fast.engine())), "");
  for (unsigned i = 0; i < workers; ++i) {
    const CounterSnapshot wanted = checked.engine().counters(i);
    const CounterSnapshot found = fast.engine().counters(i);
    ASSERT_EQ(wanted.decoded, found.decoded);
    ASSERT_EQ(wanted.handoff_dropped, found.handoff_dropped);
    ASSERT_EQ(wanted.changes_dropped, found.changes_dropped);
    ASSERT_EQ(wanted.events_dropped, found.events_dropped);
    ASSERT_EQ(wanted.expired, found.expired);
    ASSERT_EQ(wanted.evicted, found.evicted);
    ASSERT_EQ(wanted.entries, found.entries);
    ASSERT_EQ(wanted.hops, found.hops);
  }
}

/// Returns how many reports went the fast path.
std::uint64_t compare_with(unsigned seed) {
  const Setting setting(seed);
  SCOPED_TRACE(
      fmt::format("seed {}: {} workers, {} queues", seed, setting.workers, setting.queues));
  Run checked(setting, false, seed);
  Run fast(setting, true, seed);
  Traffic traffic(setting.traffic, seed);
  std::list<Frames> frames;
  for (int round = 0; round < 4 && !testing::Test::HasFailure(); ++round) {
    traffic.next(3000, frames.emplace_back());
    checked.take(frames.back());
    fast.take(frames.back());
    compare(checked, fast, setting.workers);
  }
  checked.finish();
  fast.finish();
  compare(checked, fast, setting.workers);
  return fast.engine().total().regular_reports;
}

TEST(FastPath, WithAnySettings_EqualsTheCheckedPath) {
  std::uint64_t regular = 0;
  for (unsigned seed = 1; seed <= kSeeds && !HasFailure(); ++seed) regular += compare_with(seed);
  EXPECT_GT(regular, kSeeds * 500U) << "the comparison is of little worth";
}

}  // namespace
}  // namespace hopscope::test::model
