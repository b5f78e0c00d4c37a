// The same capture with 1, 2 and 4 workers: counts, tables, exposition and events are the same.
//
// In lockstep, one frame at a time, whichever queue it comes from, everything is compared. The
// order of events is one of each worker, so they are compared as a set. On threads the frames of
// one queue are lent to the owners of their flows and the workers see values of a common port in
// any order; then of the events of ports and queues only those keys and chains are compared that
// no order changes.
//
// What depends on the number of workers by design, and is left out: how many rows of ports, queues,
// switches, links and drop reasons there are (each worker has its own, the exporter merges them),
// and when missing reports are told (the window of a sender's numbers is wider with several
// workers). How many they are in the end is compared.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "app/generate/traffic.h"
#include "model/compare.h"
#include "model/traffic.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"
#include "support/vectors.h"

namespace hopscope::test::model {
namespace {

using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;
using pipeline::EventKind;

using Frames = std::vector<MemorySource::Item>;

#ifdef HOPSCOPE_TEST_IS_SLOW
constexpr std::size_t kFrames = 4'000;  ///< of a capture
#else
constexpr std::size_t kFrames = 20'000;
#endif
constexpr std::int64_t kStepNs = 2'000;  ///< between frames: workers' clocks tell microseconds

constexpr std::int64_t kStartNs = 1'750'000'000'000'000'000;
constexpr std::int64_t kTickNs = std::int64_t{1} << (pipeline::kStampShift + pipeline::kTickShift);

void space_out(Frames& frames, std::int64_t start_ns, std::int64_t step_ns = kStepNs) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].time_ns = start_ns + static_cast<std::int64_t>(i) * step_ns;
  }
}

/// What `hopscope generate` makes.
Frames generated(app::TrafficFormat format, unsigned reports_per_datagram = 1) {
  app::TrafficOptions options;
  options.format = format;
  options.flows = 2'000;
  options.zipf = true;
  options.ipv6 = 0.3;
  options.tcp = 0.5;
  options.path_changes = 0.01;
  options.loss = 0.01;
  options.congestion = 0.2;
  options.drops = 0.03;
  options.malformed = 0.02;
  options.reports_per_datagram = reports_per_datagram;
  app::TrafficModel traffic(options);
  Frames frames;
  for (std::size_t i = 0; i < kFrames; ++i) {
    traffic.next();
    const auto bytes = traffic.frame().bytes();
    frames.push_back({.bytes = {bytes.begin(), bytes.end()}});
  }
  return frames;
}

/// Everything at random. No disorder: how far back a number may come depends on the workers.
Frames wild(int version) {
  TrafficOptions options;
  options.versions = {version};
  options.flows = 1'000;
  options.most_hops = 10;
  options.queues = 20;
  options.postcards = 0.05;
  options.spoken_stacks = 0.05;
  options.no_values = 0.005;
  options.late = options.doubled = options.restarts = 0;
  options.broken = 0;
  Frames frames;
  Traffic(options, 11).next(kFrames, frames);
  return frames;
}

/// The golden vectors, over and over.
Frames golden() {
  const std::vector<Vector> vectors = read_vectors();
  Frames frames;
  for (std::size_t i = 0; i < 20 * vectors.size(); ++i) {
    frames.push_back({.bytes = vectors[i % vectors.size()].frame});
  }
  return frames;
}

struct Capture {
  std::string name;
  Frames (*frames)();
  /// Datagrams hold reports of several owners, who apply them in any order even in lockstep.
  bool is_grouped = false;
  /// Numbers of senders come from far behind, which means more where the window is wider.
  bool is_disordered = false;
};

void PrintTo(const Capture& capture, std::ostream* out) {
  *out << capture.name;
}

std::vector<Capture> captures() {
  using app::TrafficFormat;
  return {{"report05", [] { return generated(TrafficFormat::kReport05); }},
          {"report05_local", [] { return generated(TrafficFormat::kReport05Local); }},
          {"report10", [] { return generated(TrafficFormat::kReport10); }},
          {"report10_xd", [] { return generated(TrafficFormat::kReport10Xd); }},
          {"report20", [] { return generated(TrafficFormat::kReport20Md); }},
          {"report20_mx", [] { return generated(TrafficFormat::kReport20Mx); }},
          {"groups", [] { return generated(TrafficFormat::kReport20Md, 3); }, true},
          {"wild10", [] { return wild(1); }},
          {"wild20", [] { return wild(2); }},
          {"golden", golden, false, true}};
}

EngineOptions options() {
  EngineOptions options;
  options.seed = {};
  options.tables.flows_ipv4 = 32'768;
  options.tables.flows_ipv6 = 32'768;
  options.tables.idle_timeout_s = 3'600;
  options.queues.worker_entries = 1 << 18;
  options.queues.event_entries = 1 << 20;
  options.exact_times = true;
  return options;
}

/// What came of a capture.
struct Outcome {
  std::vector<Event> events;  ///< of each key in its order
  std::vector<std::string> counts, rows, exposition;
};

void take_events(Engine& engine, std::vector<Event>& events) {
  std::array<Event, 256> taken;
  while (const std::size_t count = engine.take_events(taken)) {
    events.insert(events.end(), taken.begin(), taken.begin() + count);
  }
}

/// The lines that contain none of the parts.
std::vector<std::string> without(std::vector<std::string> lines,
                                 const std::vector<std::string>& parts) {
  std::erase_if(lines, [&](const std::string& line) {
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return line.find(part) != std::string::npos;
    });
  });
  return lines;
}

/// Counts that are those of the capture, not of the workers.
std::vector<std::string> common_counts(const Engine& engine) {
  return without(counts_of(engine), {" port ", " queue_overflow ", " switch ", " link ",
                                     " drop_reason ", "events report_loss "});
}

Outcome outcome_of(Engine& engine, std::vector<Event> events) {
  return {.events = std::move(events),
          .counts = common_counts(engine),
          .rows = rows_of(engine),
          .exposition = exposition_of(engine)};
}

/// Frame by frame, the next one when all has been said about the one before; `queues` workers
/// receive them in turn.
Outcome in_lockstep(const Frames& frames, unsigned workers, unsigned queues,
                    const EngineOptions& with = options()) {
  std::vector<std::unique_ptr<MemorySource>> own;
  std::vector<io::FrameSource*> sources(workers, nullptr);
  for (unsigned i = 0; i < queues; ++i) {
    own.push_back(std::make_unique<MemorySource>());
    own.back()->limit_batch(1);
    sources[i] = own.back().get();
  }
  for (std::size_t i = 0; i < frames.size(); ++i) {
    own[i % queues]->add(frames[i].bytes, frames[i].time_ns);
  }
  Engine engine(with, sources);
  std::vector<Event> events;
  while (engine.run_inline() != 0) take_events(engine, events);
  engine.finish_inline();
  take_events(engine, events);
  for (const auto& source : own) EXPECT_EQ(source->held(), 0U);
  return outcome_of(engine, std::move(events));
}

/// A frame at a time as from an interface: the time is that of receipt.
class LiveSource final : public io::FrameSource {
 public:
  explicit LiveSource(const Frames& frames) : frames_(frames) {}

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    if (next_ == frames_.size()) return 0;
    const MemorySource::Item& item = frames_[next_];
    batch.data[0] = item.bytes.data();
    batch.length[0] = static_cast<std::uint32_t>(item.bytes.size());
    batch.handle[0] = next_++;
    batch.receive_time_ns = item.time_ns;
    batch.frame_time_ns = nullptr;
    batch.count = 1;
    return 1;
  }
  void release(const io::FrameHandle* /*handles*/, std::size_t count) noexcept override {
    released_ += count;
  }
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return next_ == frames_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept override { return frames_.size() + 1; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override {
    return {.kind = "memory", .interface = "", .mode = "memory", .reason = ""};
  }
  [[nodiscard]] std::size_t released() const noexcept { return released_; }

 private:
  const Frames& frames_;
  std::size_t next_ = 0;
  std::size_t released_ = 0;
};

/// One queue, everything as fast as the threads go.
Outcome on_threads(const Frames& frames, unsigned workers, const EngineOptions& with) {
  LiveSource source(frames);
  std::vector<io::FrameSource*> sources(workers, nullptr);
  sources[0] = &source;
  Engine engine(with, sources);
  std::vector<Event> events;
  engine.start();
  while (!engine.finished()) take_events(engine, events);
  engine.stop();
  take_events(engine, events);
  EXPECT_EQ(source.released(), frames.size());
  return outcome_of(engine, std::move(events));
}

template <typename IsWanted>
std::vector<std::string> set_of(const std::vector<Event>& events, const IsWanted& is_wanted) {
  std::vector<std::string> texts;
  for (const Event& event : events) {
    if (is_wanted(event)) texts.push_back(text_of(event));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

bool is_loss(const Event& event) {
  return event.kind == EventKind::kReportLoss;
}
bool is_port(const Event& event) {
  return !event.has_flow && !event.has_sender && event.kind != EventKind::kDrop;
}

std::string key_of(const Event& event) {
  return fmt::format("{} {} {} {}", label(event.measurement), event.switch_id, event.port,
                     event.queue);
}

/// By key of a port or queue, that it was announced once and first, and that each event goes on
/// from the one before.
std::vector<std::string> announced_keys(const std::vector<Event>& events) {
  std::map<std::string, std::uint64_t> newest;
  std::vector<std::string> keys;
  for (const Event& event : events) {
    if (!is_port(event)) continue;
    const std::string key = key_of(event);
    const auto known = newest.find(key);
    EXPECT_EQ(event.kind == EventKind::kNewKey, known == newest.end()) << text_of(event);
    if (known != newest.end()) {
      EXPECT_EQ(event.old_value, known->second) << text_of(event);
    } else {
      keys.push_back(key);
    }
    newest[key] = event.new_value;
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// How many missing reports each sender's events have told of.
std::vector<std::string> told_losses(const std::vector<Event>& events) {
  std::map<std::string, std::uint64_t> told;
  for (const Event& event : events) {
    if (!is_loss(event)) continue;
    std::uint64_t& before = told[fmt::format("{:02x} {} {}", fmt::join(event.flow.source.bytes, ""),
                                             event.switch_id, event.hw_id)];
    EXPECT_EQ(event.old_value, before) << text_of(event);
    before = event.new_value;
  }
  std::vector<std::string> lines;
  for (const auto& [sender, missing] : told)
    lines.push_back(fmt::format("{}: {}", sender, missing));
  return lines;
}

/// `in_order`: reports that have a port in common came in the same order.
void expect_same_tables(const Outcome& wanted, const Outcome& found, bool in_order) {
  const std::vector<std::string> of_order =
      in_order ? std::vector<std::string>{} : std::vector<std::string>{"events value_moved "};
  EXPECT_EQ(difference(without(wanted.counts, of_order), without(found.counts, of_order)), "");
  EXPECT_EQ(difference(wanted.rows, found.rows), "");
  EXPECT_EQ(difference(wanted.exposition, found.exposition), "");
  EXPECT_EQ(difference(told_losses(wanted.events), told_losses(found.events)), "");
}

Outcome without_senders(Outcome outcome) {
  outcome.rows = without(outcome.rows, {"sender "});
  outcome.exposition = without(outcome.exposition, {"int_report_sequence_"});
  std::erase_if(outcome.events, is_loss);
  return outcome;
}

/// What several workers make of the values of a port in one datagram is not compared.
Outcome without_ports(Outcome outcome) {
  outcome.rows = without(outcome.rows, {"port "});
  outcome.exposition = without(outcome.exposition, {"int_egress_", "int_queue_"});
  return outcome;
}

void expect_same(const Capture& capture, const Outcome& one, const Outcome& several,
                 bool in_lockstep) {
  const bool in_order = in_lockstep && !capture.is_grouped;
  const auto is_compared = [&](const Event& event) {
    return !is_loss(event) && (in_order || !is_port(event));
  };
  const auto compared = [&](Outcome outcome) {
    if (capture.is_disordered) outcome = without_senders(std::move(outcome));
    if (capture.is_grouped) outcome = without_ports(std::move(outcome));
    return outcome;
  };
  expect_same_tables(compared(one), compared(several), in_order);
  EXPECT_EQ(difference(set_of(one.events, is_compared), set_of(several.events, is_compared)), "");
  EXPECT_EQ(difference(announced_keys(one.events), announced_keys(several.events)), "");
}

class Workers : public testing::TestWithParam<Capture> {};

TEST_P(Workers, AnyNumber_InLockstep_GiveTheSameTables) {
#ifdef HOPSCOPE_TEST_IS_OF_THREADS
  GTEST_SKIP() << "runs on one thread, and takes minutes under this sanitizer";
#endif
  Frames frames = GetParam().frames();
  space_out(frames, kStartNs);
  const Outcome one = in_lockstep(frames, 1, 1);
  ASSERT_FALSE(one.events.empty());
  for (const unsigned workers : {2U, 4U}) {
    for (const unsigned queues : {1U, workers}) {
      SCOPED_TRACE(fmt::format("{} workers, {} queues", workers, queues));
      expect_same(GetParam(), one, in_lockstep(frames, workers, queues), true);
    }
  }
}

/// As with interfaces: rows say to a tick when a value came, and the sweep looks after the old
/// ones.
TEST_P(Workers, Values_OfDifferentTicks_AreOrdered) {
#ifdef HOPSCOPE_TEST_IS_OF_THREADS
  GTEST_SKIP() << "runs on one thread, and takes minutes under this sanitizer";
#endif
  Frames frames = GetParam().frames();
  // Once in two seconds two ticks are one.
  space_out(frames, kStartNs, 2 * kTickNs + kTickNs / 4);
  EngineOptions with = options();
  with.exact_times = false;
  const Outcome one = in_lockstep(frames, 1, 1, with);
  for (const unsigned workers : {2U, 4U}) {
    SCOPED_TRACE(fmt::format("{} workers", workers));
    expect_same(GetParam(), one, in_lockstep(frames, workers, workers, with), true);
  }
}

TEST_P(Workers, OnThreads_GiveTheSameTables) {
#ifdef HOPSCOPE_TEST_IS_OF_THREADS
  const std::set<std::string> of_all_kinds = {"report10", "groups", "wild10", "golden"};
  if (!of_all_kinds.contains(GetParam().name)) GTEST_SKIP() << "others are like it";
#endif
  Frames frames = GetParam().frames();
  // Workers without a source of their own go by the wall clock.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  space_out(frames, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  const Outcome one = on_threads(frames, 1, options());
  for (const unsigned workers : {2U, 4U}) {
    SCOPED_TRACE(fmt::format("{} workers", workers));
    expect_same(GetParam(), one, on_threads(frames, workers, options()), false);
  }
  // With ticks, as interfaces have them, these frames come too fast to say whose values are newest.
  SCOPED_TRACE("ticks");
  EngineOptions with = options();
  with.exact_times = false;
  Capture capture = GetParam();
  capture.is_grouped = true;
  expect_same(capture, one, on_threads(frames, 2, with), false);
}

INSTANTIATE_TEST_SUITE_P(Captures, Workers, testing::ValuesIn(captures()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hopscope::test::model
