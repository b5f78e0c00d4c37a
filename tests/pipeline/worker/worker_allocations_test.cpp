// A worker allocates nothing once it runs: not for new flows, evictions, expiry, events, path
// changes, frames that are lent, or any format, be the tables empty or full.

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <random>

#include "app/generate/traffic.h"
#include "pipeline/worker/engine.h"
#include "support/allocation_guard.h"
#include "support/memory_source.h"
#include "support/vectors.h"

namespace hopscope::app {
namespace {

using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;
using test::AllocationGuard;
using test::MemorySource;

/// Calls of the allocator in a whole run, from the first frame to settled sequences.
std::uint64_t allocations_of_run(Engine& engine) {
  std::array<Event, 256> events;
  AllocationGuard guard;
  while (engine.run_inline() != 0) (void)engine.take_events(events);
  engine.finish_inline();
  (void)engine.take_events(events);
  return guard.stop();
}

/// So that the compiler cannot leave an allocation out.
template <typename T>
T* kept(T* pointer) {
  asm volatile("" : "+r"(pointer) : : "memory");
  return pointer;
}

TEST(AllocationGuard, SeesEachWayToAllocate) {
  AllocationGuard guard;
  int* number = kept(new int(4));
  EXPECT_EQ(guard.stop(), 1U);
  AllocationGuard again;
  delete number;
  EXPECT_EQ(again.stop(), 1U);
  struct alignas(128) Wide {
    char bytes[128];
  };
  AllocationGuard aligned;
  delete kept(new Wide{});
  EXPECT_EQ(aligned.stop(), 2U);
  AllocationGuard growing;
  std::vector<int> numbers(3);
  numbers.resize(3000);
  (void)kept(numbers.data());
  EXPECT_GE(growing.stop(), 3U);
  const int* other = kept(new int(4));  // not while none is there
  EXPECT_EQ(growing.stop(), 3U);
  delete other;
}

EngineOptions small_tables() {
  EngineOptions options;
  options.tables = {.flows_ipv4 = 250,
                    .flows_ipv6 = 60,
                    .ports = 256,
                    .queue_overflow = 64,
                    .switches = 64,
                    .sequences = 64,
                    .formats = 64,
                    .links = 64,
                    .drop_reasons = 16,
                    .idle_timeout_s = 2};
  options.events.refresh_s = 1;
  options.queues.event_entries = 4096;
  return options;
}

std::vector<MemorySource::Item> frames_of(TrafficFormat format, int count) {
  TrafficOptions options;
  options.format = format;
  options.flows = 800;
  options.ipv6 = 0.3;
  options.tcp = 0.5;
  options.path_changes = 0.02;
  options.congestion = 0.2;
  options.loss = 0.01;
  options.drops = 0.05;
  options.malformed = 0.05;
  options.vlans = {5};
  options.reports_per_datagram = format == TrafficFormat::kReport20Xd ? 3 : 1;
  TrafficModel traffic(options);
  std::mt19937 random(3);
  std::int64_t now_ns = 1'750'000'000'000'000'000;
  std::vector<MemorySource::Item> frames;
  for (int i = 0; i < count; ++i) {
    traffic.next();
    // Now and then so long that all expires.
    now_ns += random() % 2'000 == 0 ? 3'000'000'000 : random() % 100'000;
    const auto bytes = traffic.frame().bytes();
    frames.push_back({.bytes = {bytes.begin(), bytes.end()}, .time_ns = now_ns});
  }
  return frames;
}

class WorkerAllocations : public testing::TestWithParam<TrafficFormat> {};

TEST_P(WorkerAllocations, AreNoneOnColdAndWarmTables) {
  const auto frames = frames_of(GetParam(), 12'000);
  for (const unsigned workers : {1U, 2U}) {
    std::vector<std::unique_ptr<MemorySource>> sources;
    std::vector<io::FrameSource*> given;
    for (unsigned i = 0; i < workers; ++i) {
      // Each worker takes flows of the other too.
      auto& source = sources.emplace_back(std::make_unique<MemorySource>());
      for (std::size_t at = i; at < frames.size(); at += workers) {
        source->items().push_back(frames[at]);
      }
      given.push_back(source.get());
    }
    Engine engine(small_tables(), given);
    EXPECT_EQ(allocations_of_run(engine), 0U) << workers << " workers, cold";
    for (const auto& source : sources) source->rewind();
    EXPECT_EQ(allocations_of_run(engine), 0U) << workers << " workers, warm";

    const auto counted = engine.total();
    const auto flows = static_cast<std::size_t>(pipeline::Table::kFlowIpv4);
    EXPECT_EQ(counted.frames, 2 * frames.size());
    EXPECT_GT(counted.reports, counted.frames / 2);
    EXPECT_GT(counted.evicted[flows] + counted.expired[flows], 100U);
    EXPECT_GT(counted.events[static_cast<std::size_t>(pipeline::EventKind::kNewKey)], 100U);
    EXPECT_GT(std::accumulate(counted.dropped.begin(), counted.dropped.end(), 0UL), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, WorkerAllocations,
                         testing::Values(TrafficFormat::kReport05, TrafficFormat::kReport05Local,
                                         TrafficFormat::kReport05Drop, TrafficFormat::kReport10,
                                         TrafficFormat::kReport10Xd, TrafficFormat::kReport20Md,
                                         TrafficFormat::kReport20Xd, TrafficFormat::kReport20Mx),
                         [](const auto& tested) {
                           std::string name = name_of(tested.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST(WorkerAllocations, AreNoneWithAnyGoldenFrame) {
  for (const test::Vector& vector : test::read_vectors()) {
    MemorySource source;
    for (int i = 0; i < 3; ++i) source.add(vector.frame, 1'000'000'000 + i);
    EngineOptions options = small_tables();
    options.decode = vector.config;
    options.switches.defaults.clock = "one";
    Engine engine(options, {&source});
    EXPECT_EQ(allocations_of_run(engine), 0U) << vector.name;
    EXPECT_EQ(engine.total().frames, 3U);
  }
}

}  // namespace
}  // namespace hopscope::app
