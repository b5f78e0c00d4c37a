// The fast path against the checked one: the same traffic gives the same events, in the same order,
// the same metrics and the same counts, whatever the instruction set.

#include "pipeline/fastpath/fast_path.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "app/generate/traffic.h"
#include "export/names/names.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"
#include "support/render.h"

namespace hopscope::app {
namespace {

using pipeline::Engine;
using pipeline::EngineOptions;
using pipeline::Event;
using pipeline::InstructionSet;
using test::MemorySource;

std::string text_of(const pipeline::Path& path) {
  return fmt::format("{}{}",
                     fmt::join(path.switch_id.begin(), path.switch_id.begin() + path.count, "-"),
                     path.longer ? "+" : "");
}

std::string text_of(const Event& e) {
  std::string text = fmt::format(
      "{} {} flow {} {:02x} {:02x} {} {} {} switch {} {} port {} {} queue {} {}", label(e.kind),
      label(e.measurement), e.has_flow, fmt::join(e.flow.source.bytes, ""),
      fmt::join(e.flow.destination.bytes, ""), e.flow.source_port, e.flow.destination_port,
      e.flow.protocol, e.has_switch, e.switch_id, e.has_port, e.port, e.has_queue, e.queue);
  text += fmt::format(" values {} {} {} timed {} sender {} {} time {} {} {} {} path {} {}",
                      e.has_old, e.old_value, e.new_value, e.timed, e.has_sender, e.hw_id,
                      e.has_switch_time, e.switch_time, e.time_switch_id, e.receive_time_ns,
                      text_of(e.old_path), text_of(e.new_path));
  return text;
}

std::string metrics_of(const Engine& engine) {
  const exporter::Names names{pipeline::SwitchOptions{}, {}};
  exporter::FlowSeriesOptions flows;
  flows.series = exporter::FlowSeries::kAll;
  return test::text_of_tables(engine, flows, names);
}

/// One pipeline, and what came of it.
struct Pipeline {
  MemorySource source;
  Engine engine;
  std::vector<std::string> events;

  Pipeline(EngineOptions options, bool fast, InstructionSet set)
      : engine(with(options, fast, set), {&source}) {}

  static EngineOptions with(EngineOptions options, bool fast, InstructionSet set) {
    options.fast_path = fast;
    options.instruction_set = set;
    return options;
  }

  void feed(const std::vector<MemorySource::Item>& frames) {
    source.items() = frames;
    source.rewind();
    std::array<Event, 256> taken;
    const auto take = [&] {
      while (const std::size_t count = engine.take_events(taken)) {
        for (std::size_t i = 0; i < count; ++i) events.push_back(text_of(taken[i]));
      }
    };
    while (engine.run_inline() != 0) take();
    take();
  }
};

struct Case {
  const char* name;
  TrafficOptions traffic;
  pipeline::EventOptions events;
  unsigned event_entries = 8192;
  bool is_checked = false;  ///< nothing of it is for the fast path
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&all](const char* name, TrafficFormat format) -> Case& {
    Case& one = all.emplace_back();
    one.name = name;
    one.traffic.format = format;
    one.traffic.flows = 300;
    one.traffic.congestion = 0.2;
    one.traffic.path_changes = 0.01;
    one.traffic.loss = 0.002;
    one.traffic.tcp = 0.5;
    return one;
  };
  add("plain", TrafficFormat::kReport10);
  add("plain05", TrafficFormat::kReport05);
  add("plain20", TrafficFormat::kReport20Md);
  Case& mixed = add("mixed", TrafficFormat::kReport10);
  mixed.traffic.ipv6 = 0.4;
  mixed.traffic.drops = 0.05;
  mixed.traffic.malformed = 0.1;
  mixed.traffic.udp_checksum = true;
  mixed.traffic.vlans = {5, 6};
  Case& edges = add("edges", TrafficFormat::kReport10);
  edges.events.hop_latency.edges = {1e-6, 1e-5, 1e-4, 1e-3};
  Case& queue_edges = add("queue_edges", TrafficFormat::kReport10);
  queue_edges.events.queue_occupancy.edges = {10, 100, 1000};
  queue_edges.events.tx_utilization.edges = {1, 20, 50, 90};
  Case& refused = add("refused", TrafficFormat::kReport10);
  refused.traffic.congestion = 0.5;
  refused.traffic.path_changes = 0.1;
  refused.event_entries = 16;
  Case& refresh = add("refresh", TrafficFormat::kReport20Md);
  refresh.events.refresh_s = 1;
  refresh.events.flow_latency.enabled = false;
  refresh.events.hop_latency.enabled = false;
  Case& groups = add("groups", TrafficFormat::kReport20Md);
  groups.traffic.reports_per_datagram = 3;
  groups.traffic.hops = 3;
  groups.is_checked = true;
  Case& wide = add("wide", TrafficFormat::kReport20Md);
  wide.traffic.hops = 8;
  wide.traffic.fields.push_back(pipeline::Field::kBuffer);
  Case& few = add("few", TrafficFormat::kReport10);
  few.traffic.hops = 3;
  few.traffic.fields = {pipeline::Field::kNodeId, pipeline::Field::kHopLatency};
  return all;
}

/// Empty, or the first event that is not the same, with what was expected.
std::string difference(const std::vector<std::string>& wanted,
                       const std::vector<std::string>& found) {
  const auto [a, b] = std::mismatch(wanted.begin(), wanted.end(), found.begin(), found.end());
  if (a == wanted.end() && b == found.end()) return "";
  const auto text = [](const auto& vector, auto at) {
    return at == vector.end() ? "no more" : *at;
  };
  return fmt::format("event {}:\n{}\nand not\n{}", a - wanted.begin(), text(found, b),
                     text(wanted, a));
}

class FastPathAgainstChecked : public testing::TestWithParam<Case> {};

TEST_P(FastPathAgainstChecked, SaysTheSame) {
  const Case& chosen = GetParam();
  EngineOptions options;
  options.tables = {.flows_ipv4 = 250, .flows_ipv6 = 100, .ports = 512};
  options.tables.idle_timeout_s = 2;
  options.events = chosen.events;
  options.queues.event_entries = chosen.event_entries;
  options.seed = {};
  Pipeline checked(options, false, InstructionSet::kScalar);
  Pipeline scalar(options, true, InstructionSet::kScalar);
  Pipeline best(options, true, pipeline::best_instruction_set());
  TrafficModel traffic(chosen.traffic);
  std::mt19937 random(7);
  std::int64_t now_ns = 1'750'000'000'000'000'000;
  for (int round = 0; round < 40; ++round) {
    std::vector<MemorySource::Item> frames;
    for (int i = 0; i < 1'000; ++i) {
      traffic.next();
      now_ns += random() % 1'000 == 0 ? 1'500'000'000 : random() % 20'000;
      const auto bytes = traffic.frame().bytes();
      frames.push_back({.bytes = {bytes.begin(), bytes.end()}, .time_ns = now_ns});
      const std::size_t length = frames.back().bytes.size();
      if (random() % 64 == 0) {
        auto& byte = frames.back().bytes[random() % length];
        byte = static_cast<std::uint8_t>(byte ^ 1U << random() % 8);
      }
      if (random() % 256 == 0) frames.back().bytes.resize(random() % length);
    }
    checked.feed(frames);
    scalar.feed(frames);
    best.feed(frames);
    ASSERT_EQ(difference(checked.events, scalar.events), "") << round;
    ASSERT_EQ(difference(checked.events, best.events), "") << round;
    const std::string metrics = metrics_of(checked.engine);
    ASSERT_EQ(metrics, metrics_of(scalar.engine)) << round;
    ASSERT_EQ(metrics, metrics_of(best.engine)) << round;
  }
  const auto total = checked.engine.total();
  const auto fast = best.engine.total();
  EXPECT_EQ(total.regular_reports, 0U);
  EXPECT_EQ(total.decoded, fast.decoded);
  EXPECT_EQ(total.dropped, fast.dropped);
  EXPECT_EQ(total.errors, fast.errors);
  EXPECT_EQ(total.reports, fast.reports);
  EXPECT_EQ(total.hops, fast.hops);
  EXPECT_EQ(total.reports_by, fast.reports_by);
  EXPECT_EQ(total.entries, fast.entries);
  EXPECT_EQ(total.expired, fast.expired);
  EXPECT_EQ(total.evicted, fast.evicted);
  EXPECT_EQ(total.events_dropped, fast.events_dropped);
  EXPECT_EQ(total.udp_checksum_wrong, fast.udp_checksum_wrong);
  // Not by going the checked way each time.
  if (chosen.is_checked) {
    EXPECT_EQ(fast.regular_reports, 0U);
  } else {
    EXPECT_GT(fast.regular_reports, fast.reports / 20);
  }
}

INSTANTIATE_TEST_SUITE_P(Traffic, FastPathAgainstChecked, testing::ValuesIn(cases()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hopscope::app
