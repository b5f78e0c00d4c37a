#include "pipeline/worker/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>

#include "pipeline/encode/encode.h"
#include "pipeline/worker/reference_model.h"
#include "support/memory_source.h"

namespace hopscope::pipeline {
namespace {

using test::FlowId;
using test::id_of;
using test::MemorySource;
using test::PlainEvent;
using test::ReferenceModel;

constexpr std::uint16_t kBitmap = 0xF100;  // node, ports, latency, queue, utilisation
constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

std::vector<std::uint8_t> frame_of(const encode::Report10& report) {
  encode::ByteWriter out;
  encode::put_frame(out, encode::Outer{}, report);
  return {out.bytes().begin(), out.bytes().end()};
}

/// Random reports of a small fabric: flows change their paths, values move and tremble, some flows
/// are IPv6, some paths are longer than records hold, some ports have many queues.
class Traffic {
 public:
  explicit Traffic(std::uint32_t seed) : random_(seed) {}

  void generate(MemorySource& source, ReferenceModel& model, int reports) {
    for (int i = 0; i < reports; ++i) {
      const auto flow = static_cast<std::uint32_t>(random_() % 150);
      encode::Report10 report{.switch_id = 1, .sequence = sequence_++};
      report.flags.tracked = true;
      encode::Packet& packet = report.packet;
      packet.source_port = static_cast<std::uint16_t>(1000 + flow);
      packet.protocol = flow % 3 == 0 ? 6 : 17;
      if (flow % 5 == 0) make_ipv6(packet, flow);
      packet.telemetry = encode::Telemetry{.bitmap = kBitmap, .hops = hops_of(flow)};
      const std::int64_t time_ns = kStart + std::int64_t{i} * 10'000;
      source.add(frame_of(report), time_ns);
      model.apply({packet.source.bytes, packet.destination.bytes, packet.source_port,
                   packet.destination_port, packet.protocol},
                  packet.telemetry->hops, time_ns);
    }
  }

 private:
  static void make_ipv6(encode::Packet& packet, std::uint32_t flow) {
    packet.source = {.bytes = {0x20, 0x01, 0x0d, 0xb8}, .version = 6};
    packet.destination = packet.source;
    packet.source.bytes[15] = static_cast<std::uint8_t>(flow);
    packet.destination.bytes[15] = 1;
  }

  std::vector<Metadata> hops_of(std::uint32_t flow) {
    if (random_() % 100 == 0) ++route_[flow];
    const std::uint32_t route = route_[flow];
    const std::uint32_t length = 1 + (flow + route) % (flow % 20 == 0 ? 12 : 6);
    std::vector<Metadata> hops;
    for (std::uint32_t i = 0; i < length; ++i) {
      Metadata hop;
      hop.node_id = 1 + (flow * 7 + route * 3 + i * 5) % 20;
      hop.l1_ingress_if = 1;
      hop.l1_egress_if = 1 + (flow + i) % 4;
      hop.hop_latency = 200'000 + static_cast<std::uint32_t>(random_() % 120'000) +
                        (random_() % 50 == 0 ? 900'000 : 0);
      hop.queue_id = static_cast<std::uint32_t>(random_() % (hop.node_id == 3 ? 20 : 3));
      hop.queue_occupancy = static_cast<std::uint32_t>(random_() % 40 + random_() % 60);
      hop.tx_utilization = static_cast<std::uint32_t>(random_() % 25);
      hops.push_back(hop);
    }
    return hops;
  }

  std::mt19937 random_;
  std::map<std::uint32_t, std::uint32_t> route_;
  std::uint32_t sequence_ = 0;
};

struct Result {
  std::vector<PlainEvent> events;
  CounterSnapshot total;
};

void drain(Engine& engine, std::vector<PlainEvent>& to) {
  std::vector<Event> events(256);
  while (const std::size_t count = engine.take_events(events)) {
    for (std::size_t i = 0; i < count; ++i) to.push_back(test::plain(events[i]));
  }
}

Result run_inline(Engine& engine) {
  Result result;
  while (engine.run_inline() != 0) drain(engine, result.events);
  engine.finish_inline();
  drain(engine, result.events);
  result.total = engine.total();
  std::sort(result.events.begin(), result.events.end());
  return result;
}

void expect_tables(const Engine& engine, const ReferenceModel& model) {
  std::size_t flows = 0;
  engine.for_each_flow([&](const FlowSnapshot& flow) {
    ++flows;
    const auto at = model.flows.find(id_of(flow.key));
    ASSERT_NE(at, model.flows.end());
    const ReferenceModel::Flow& want = at->second;
    EXPECT_EQ(flow.reports, want.reports);
    EXPECT_EQ(flow.path_changes, want.path_changes);
    EXPECT_EQ(flow.latency_ns, want.flow_latency);
    const std::size_t held = std::min<std::size_t>(want.path.size(), kMaxHops);
    ASSERT_EQ(flow.hop_count, held);
    EXPECT_EQ(flow.longer, want.path.size() > kMaxHops);
    for (std::size_t i = 0; i < held; ++i) {
      const HopSnapshot& hop = flow.hops[held - 1 - i];
      EXPECT_EQ(hop.switch_id, want.path[i].first);
      EXPECT_EQ(hop.egress_port, want.path[i].second);
      EXPECT_EQ(hop.latency, want.latency[i]);
    }
  });
  EXPECT_EQ(flows, model.flows.size());

  std::size_t ports = 0;
  std::size_t queues = 0;
  engine.for_each_port([&](const PortSnapshot& port) {
    ++ports;
    const ReferenceModel::PortId id{port.key.switch_id, port.key.port};
    ASSERT_TRUE(model.ports.contains(id));
    EXPECT_EQ(port.tx_utilization, model.ports.at(id).value);
    for (const QueueSnapshot& queue : port.queues) {
      ++queues;
      const auto at = model.queues.find({id.first, id.second, queue.queue});
      ASSERT_NE(at, model.queues.end());
      EXPECT_EQ(queue.occupancy, at->second.value);
    }
  });
  EXPECT_EQ(ports, model.ports.size());
  EXPECT_EQ(queues, model.queues.size());

  engine.for_each_switch([&](const SwitchSnapshot& snapshot) {
    ASSERT_TRUE(model.histogram.contains(snapshot.switch_id));
    const auto& want = model.histogram.at(snapshot.switch_id);
    for (unsigned i = 0; i < kLatencyBuckets; ++i) {
      const auto bucket = want.find(i);
      EXPECT_EQ(snapshot.latency_buckets[i], bucket == want.end() ? 0 : bucket->second);
    }
  });
}

EngineOptions options() {
  EngineOptions options;
  options.exact_times = true;  // reports come microseconds apart
  options.tables.idle_timeout_s = 3600;
  options.tables.flows_ipv4 = 1024;
  options.tables.flows_ipv6 = 1024;
  options.tables.ports = 1024;
  options.tables.queue_overflow = 1024;
  return options;
}

class EngineAgainstModel : public testing::TestWithParam<unsigned> {};

TEST_P(EngineAgainstModel, SaysTheSameAsTheObviousModel) {
  const unsigned workers = GetParam();
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const EngineOptions engine_options = options();
    ReferenceModel model(engine_options.events);
    MemorySource source;
    Traffic(seed).generate(source, model, 20'000);
    // Reports of different owners within one batch are applied owner by owner; for the exact order
    // of arrival several workers get one frame at a time.
    if (workers > 1) source.limit_batch(1);
    std::vector<io::FrameSource*> sources(workers, nullptr);
    sources[0] = &source;
    Engine engine(engine_options, sources);
    const Result result = run_inline(engine);

    EXPECT_EQ(result.total.frames, 20'000U);
    EXPECT_EQ(result.total.decoded, 20'000U);
    EXPECT_EQ(result.total.events_dropped, 0U);
    EXPECT_EQ(source.held(), 0U);
    std::sort(model.events.begin(), model.events.end());
    ASSERT_EQ(result.events.size(), model.events.size());
    for (std::size_t i = 0; i < model.events.size(); ++i) {
      ASSERT_TRUE(result.events[i] == model.events[i])
          << label(model.events[i].kind) << ' ' << label(model.events[i].measurement) << " at "
          << model.events[i].time_ns;
    }
    expect_tables(engine, model);
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, EngineAgainstModel, testing::Values(1U, 2U, 4U),
                         [](const auto& parameter) { return std::to_string(parameter.param); });

class EngineOnThreads : public testing::TestWithParam<unsigned> {};

TEST_P(EngineOnThreads, CountsEveryFrameAndReturnsIt) {
  const unsigned workers = GetParam();
  const EngineOptions engine_options = options();
  ReferenceModel model(engine_options.events);
  std::vector<std::unique_ptr<MemorySource>> own;
  std::vector<io::FrameSource*> sources;
  for (unsigned i = 0; i < workers; ++i) {
    own.push_back(std::make_unique<MemorySource>());
    Traffic(i + 1).generate(*own.back(), model, 5'000);
    sources.push_back(own.back().get());
  }
  Engine engine(engine_options, sources);
  engine.start();
  std::vector<PlainEvent> events;
  while (!engine.finished()) {
    drain(engine, events);
    // A reader beside the workers, for the thread sanitizer to look at.
    std::uint64_t reports = 0;
    engine.for_each_flow([&](const FlowSnapshot& flow) { reports += flow.reports; });
    engine.for_each_port([](const PortSnapshot&) {});
    engine.for_each_switch([](const SwitchSnapshot&) {});
    engine.for_each_sequence([](const SequenceSnapshot&) {});
    ASSERT_LE(reports, std::uint64_t{5'000} * workers);
  }
  engine.stop();
  drain(engine, events);

  const CounterSnapshot total = engine.total();
  EXPECT_EQ(total.frames, std::uint64_t{5'000} * workers);
  EXPECT_EQ(total.frames, total.decoded + total.handoff_dropped);
  for (const auto& source : own) EXPECT_EQ(source->held(), 0U);
  std::uint64_t emitted = 0;
  for (const std::uint64_t count : total.events) emitted += count;
  EXPECT_EQ(events.size(), emitted);
  if (total.handoff_dropped == 0) {
    std::uint64_t reports = 0;
    engine.for_each_flow([&](const FlowSnapshot& flow) { reports += flow.reports; });
    EXPECT_EQ(reports, total.reports) << "every report is in exactly one flow";
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, EngineOnThreads, testing::Values(1U, 2U, 4U),
                         [](const auto& parameter) { return std::to_string(parameter.param); });

TEST(Engine, AFullHandoffQueueDropsAndCountsAndNeverBlocks) {
  EngineOptions engine_options = options();
  engine_options.queues.worker_entries = 8;
  ReferenceModel model(engine_options.events);
  MemorySource source;
  Traffic(9).generate(source, model, 1'000);
  Engine engine(engine_options, {&source, nullptr});
  const Result result = run_inline(engine);
  EXPECT_GT(result.total.handoff_dropped, 0U);
  EXPECT_EQ(result.total.frames, result.total.decoded + result.total.handoff_dropped);
  EXPECT_EQ(source.held(), 0U);
}

TEST(Engine, AnExporterThatIsBehindLosesNoChangeForGood) {
  EngineOptions engine_options = options();
  engine_options.queues.event_entries = 4;
  ReferenceModel model(engine_options.events);
  MemorySource source;
  Traffic(4).generate(source, model, 3'000);
  Engine engine(engine_options, {&source});
  while (engine.run_inline() != 0) {
  }
  const CounterSnapshot total = engine.total();
  EXPECT_GT(total.events_dropped, 0U);
  std::uint64_t emitted = 0;
  for (const std::uint64_t count : total.events) emitted += count;
  EXPECT_EQ(emitted, 4U);
}

TEST(Engine, EveryRefusedFrameHasOneReason) {
  std::mt19937 random(5);
  ReferenceModel model(EventOptions{});
  MemorySource source;
  Traffic(5).generate(source, model, 2'000);
  for (auto& item : source.items()) {
    switch (random() % 4) {
      case 0:
        item.bytes.resize(random() % item.bytes.size());
        break;
      case 1:
        item.bytes[random() % 60] ^= static_cast<std::uint8_t>(1 + random() % 255);
        break;
      default:
        break;
    }
  }
  Engine engine(options(), {&source});
  const Result result = run_inline(engine);
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : result.total.dropped) dropped += count;
  EXPECT_GT(dropped, 100U);
  EXPECT_EQ(result.total.frames, 2'000U);
  EXPECT_EQ(result.total.frames, result.total.decoded + dropped);
}

TEST(Engine, DropReportsCountByReasonAndMakeEvents) {
  MemorySource source;
  for (std::uint32_t i = 0; i < 30; ++i) {
    encode::Report05 report{.kind = encode::Report05::Kind::kDrop, .sequence = i, .switch_id = 7};
    report.flags.dropped = true;
    report.metadata.l1_ingress_if = 1;
    report.metadata.l1_egress_if = 2;
    report.metadata.drop_queue_id = 3;
    report.metadata.drop_reason = i % 3 == 0 ? 80 : 29;
    encode::ByteWriter out;
    encode::put_frame(out, encode::Outer{}, report);
    source.add(out.bytes(), kStart + i);
  }
  Engine engine(options(), {&source});
  std::vector<Event> events(256);
  while (engine.run_inline() != 0) {
  }
  events.resize(engine.take_events(events));
  std::map<std::uint32_t, std::uint64_t> drops;
  engine.for_each_drop([&](const DropSnapshot& drop) {
    EXPECT_EQ(drop.switch_id, 7U);
    drops[drop.reason] = drop.packets;
  });
  EXPECT_EQ(drops, (std::map<std::uint32_t, std::uint64_t>{{80, 10}, {29, 20}}));
  std::size_t drop_events = 0;
  for (const Event& event : events) {
    if (event.kind != EventKind::kDrop) continue;
    ++drop_events;
    EXPECT_TRUE(event.has_flow);
    EXPECT_EQ(event.switch_id, 7U);
    EXPECT_EQ(event.port, 2U);
    EXPECT_EQ(event.queue, 3U);
  }
  EXPECT_EQ(drop_events, 30U);
  engine.for_each_flow([](const FlowSnapshot& flow) {
    EXPECT_EQ(flow.drops, 30U);
    EXPECT_EQ(flow.hop_count, 0U) << "a drop report is no path";
  });
  EXPECT_EQ(engine.total().reports_by[0][static_cast<std::size_t>(ReportKind::kDrop)], 30U);
}

TEST(Engine, WhatASourceSamplesIsScaled) {
  MemorySource source;
  for (std::uint32_t i = 0; i < 30; ++i) {
    encode::Report05 report{.kind = encode::Report05::Kind::kDrop, .sequence = i, .switch_id = 7};
    report.flags.dropped = true;
    report.metadata.drop_reason = 29;
    encode::ByteWriter out;
    encode::put_frame(out, encode::Outer{}, report);
    source.add(out.bytes(), kStart + i);
  }
  EngineOptions engine_options = options();
  engine_options.decode.dialect.sampling = 1000;
  Engine engine(engine_options, {&source});
  const Result result = run_inline(engine);
  EXPECT_EQ(result.total.reports, 30U) << "what came is what came";
  engine.for_each_drop([](const DropSnapshot& drop) { EXPECT_EQ(drop.packets, 30'000U); });
  engine.for_each_flow([](const FlowSnapshot& flow) { EXPECT_EQ(flow.reports, 30'000U); });
}

TEST(Engine, MissingReportsMakeAnEventASecond) {
  MemorySource source;
  std::uint32_t number = 0;
  for (int i = 0; i < 5'000; ++i) {
    number += i % 10 == 7 ? 3 : 1;  // two are missing each time
    encode::Report10 report{.hw_id = 2, .switch_id = 9, .sequence = number};
    source.add(frame_of(report), kStart + std::int64_t{i} * 1'000'000);
  }
  Engine engine(options(), {&source});
  std::vector<Event> events(4096);
  std::uint64_t told = 0;
  std::size_t count = 0;
  const auto take = [&] {
    events.resize(4096);
    events.resize(engine.take_events(events));
    for (const Event& event : events) {
      if (event.kind != EventKind::kReportLoss) continue;
      EXPECT_TRUE(event.has_sender);
      EXPECT_EQ(event.hw_id, 2U);
      EXPECT_EQ(event.switch_id, 9U);
      EXPECT_EQ(event.old_value, told);
      EXPECT_GT(event.new_value, told);
      told = event.new_value;
      ++count;
    }
  };
  while (engine.run_inline() != 0) take();
  engine.finish_inline();
  take();
  EXPECT_EQ(told, 1'000U) << "the last event tells of the last ones";
  EXPECT_GE(count, 4U);
  EXPECT_LE(count, 8U) << "one a second and one at the end";
}

TEST(Engine, MissingSequenceNumbersAreCounted) {
  MemorySource source;
  std::uint64_t missing = 0;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    if (i % 10 == 7) {
      ++missing;
      continue;
    }
    encode::Report10 report{.hw_id = 2, .switch_id = 9, .sequence = i};
    source.add(frame_of(report), kStart + i);
  }
  Engine engine(options(), {&source});
  (void)run_inline(engine);
  std::size_t rows = 0;
  engine.for_each_sequence([&](const SequenceSnapshot& sequence) {
    ++rows;
    EXPECT_EQ(sequence.switch_id, 9U);
    EXPECT_EQ(sequence.hw_id, 2U);
    EXPECT_EQ(sequence.missing, missing);
    EXPECT_EQ(sequence.late, 0U);
  });
  EXPECT_EQ(rows, 1U);
}

TEST(Engine, IdleFlowsAreForgottenAsTimeGoesOn) {
  EngineOptions engine_options = options();
  engine_options.tables.idle_timeout_s = 10;
  MemorySource source;
  ReferenceModel model(engine_options.events);
  Traffic(6).generate(source, model, 1'000);
  // One flow goes on for a minute; the others fall silent.
  const auto lasting = source.items().back().bytes;
  for (std::int64_t ms = 0; ms < 60'000; ms += 10) {
    source.add(lasting, kStart + 1'000'000'000 + ms * 1'000'000);
  }
  Engine engine(engine_options, {&source});
  const Result result = run_inline(engine);
  const auto v4 = static_cast<std::size_t>(Table::kFlowIpv4);
  const auto v6 = static_cast<std::size_t>(Table::kFlowIpv6);
  EXPECT_EQ(result.total.entries[v4] + result.total.entries[v6], 1U);
  EXPECT_EQ(result.total.expired[v4] + result.total.expired[v6], model.flows.size() - 1);
}

/// A report of flow `flow` from a switch with one hop, as plain as they come.
std::vector<std::uint8_t> plain_report(std::uint32_t flow, std::uint32_t switch_id,
                                       std::uint32_t port) {
  encode::Report10 report{.switch_id = switch_id};
  report.flags.tracked = true;
  report.packet.source_port = static_cast<std::uint16_t>(flow);
  Metadata hop;
  hop.node_id = switch_id;
  hop.l1_ingress_if = 1;
  hop.l1_egress_if = port;
  hop.hop_latency = 1000;
  hop.queue_id = 0;
  hop.queue_occupancy = 1;
  hop.tx_utilization = 1;
  report.packet.telemetry = encode::Telemetry{.bitmap = kBitmap, .hops = {hop}};
  return frame_of(report);
}

constexpr std::int64_t kSecond = 1'000'000'000;

class EngineAfterHours : public testing::TestWithParam<int> {};

TEST_P(EngineAfterHours, ForgetsAllThatWasBefore) {
  EngineOptions engine_options = options();
  engine_options.tables.idle_timeout_s = 60;
  MemorySource source;
  for (std::uint32_t i = 0; i < 500; ++i) {
    source.add(plain_report(1000 + i, 7, i % 50), kStart + i);
  }
  source.add(plain_report(9999, 7, 1), kStart + GetParam() * 3600 * kSecond);
  Engine engine(engine_options, {&source});
  const Result result = run_inline(engine);
  EXPECT_EQ(result.total.entries[static_cast<std::size_t>(Table::kFlowIpv4)], 1U);
  EXPECT_EQ(result.total.expired[static_cast<std::size_t>(Table::kFlowIpv4)], 500U);
  std::size_t ports = 0;
  engine.for_each_port([&](const PortSnapshot&) { ++ports; });
  EXPECT_EQ(ports, 1U);
}

INSTANTIATE_TEST_SUITE_P(Hours, EngineAfterHours, testing::Values(1, 5, 10, 14, 20, 1000));

TEST(Engine, AClockThatIsSetBackExpiresNothingAndStopsNothing) {
  EngineOptions engine_options = options();
  engine_options.tables.idle_timeout_s = 10;
  MemorySource source;
  for (std::uint32_t i = 0; i < 100; ++i) source.add(plain_report(1000 + i, 7, 1), kStart);
  // Back by a day; two flows go on for 20 seconds, the others fall silent.
  for (std::int64_t s = 0; s <= 20; ++s) {
    for (const std::uint32_t flow : {1000U, 1001U}) {
      source.add(plain_report(flow, 7, 1), kStart - 86'400 * kSecond + s * kSecond);
    }
  }
  Engine engine(engine_options, {&source});
  while (engine.run_inline() != 0) {
  }
  EXPECT_EQ(engine.total().expired[static_cast<std::size_t>(Table::kFlowIpv4)], 98U);
  EXPECT_EQ(engine.total().entries[static_cast<std::size_t>(Table::kFlowIpv4)], 2U);
}

TEST(Engine, FifteenTimesFromBeforeAreNoClockSetBack) {
  EngineOptions engine_options = options();
  engine_options.tables.idle_timeout_s = 60;
  MemorySource source;
  for (std::uint32_t i = 0; i < 49; ++i) source.add(plain_report(1000 + i, 7, 1), kStart);
  // To the end of a batch; the sixteenth one in a row would set the clock back, and what comes then
  // would be an hour later.
  for (std::uint32_t i = 0; i < 15; ++i) {
    source.add(plain_report(1000, 7, 1), kStart - 3600 * kSecond);
  }
  source.add(plain_report(1000, 7, 1), kStart + kSecond);
  Engine engine(engine_options, {&source});
  while (engine.run_inline() != 0) {
  }
  EXPECT_EQ(engine.total().expired[static_cast<std::size_t>(Table::kFlowIpv4)], 0U);
}

/// A report of `switch_ids`, sink first, each hop with a latency of a microsecond.
encode::Report10 stack_report(const std::vector<std::uint32_t>& switch_ids) {
  encode::Report10 report{.switch_id = switch_ids.front()};
  report.flags.tracked = true;
  encode::Telemetry telemetry{.bitmap = kBitmap};
  for (const std::uint32_t id : switch_ids) {
    Metadata hop;
    hop.node_id = id;
    hop.l1_ingress_if = 1;
    hop.l1_egress_if = 2;
    hop.hop_latency = 1'000;
    telemetry.hops.push_back(hop);
  }
  report.packet.telemetry = telemetry;
  return report;
}

/// What one switch says of itself: its latency, and no port.
encode::Report10 postcard(std::uint32_t switch_id, std::uint32_t latency) {
  encode::Report10 report{.switch_id = switch_id, .md_bits = 0x10};
  report.flags.tracked = true;
  report.metadata.hop_latency = latency;
  return report;
}

TEST(Engine, ASwitchThatTellsOfItselfChangesNoPath) {
  MemorySource source;
  for (int i = 0; i < 10; ++i) {
    source.add(frame_of(stack_report({3, 2, 1})), kStart + i);
    source.add(frame_of(postcard(2, 5'000)), kStart + i);
  }
  Engine engine(options(), {&source});
  const Result result = run_inline(engine);
  EXPECT_EQ(result.total.events[static_cast<std::size_t>(EventKind::kPathChange)], 0U);
  engine.for_each_flow([](const FlowSnapshot& flow) {
    EXPECT_EQ(flow.path_changes, 0U);
    EXPECT_EQ(flow.latency_ns, 7'000U) << "with the newer latency of switch 2";
  });
}

TEST(Engine, ASwitchThatTellsOfItselfLeavesTheLatencyOfALongPath) {
  MemorySource source;
  source.add(frame_of(stack_report({12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1})), kStart);
  source.add(frame_of(postcard(11, 9'000)), kStart + 1);
  Engine engine(options(), {&source});
  (void)run_inline(engine);
  engine.for_each_flow([](const FlowSnapshot& flow) {
    EXPECT_EQ(flow.latency_ns, 12'000U) << "four of its hops are not kept";
    EXPECT_EQ(flow.hops[6].latency, 9'000U);
  });
}

TEST(Engine, PortsThatFellSilentMakeRoomForOthers) {
  EngineOptions engine_options = options();
  engine_options.tables.idle_timeout_s = 10;
  engine_options.tables.ports = 64;
  MemorySource source;
  // Ten generations of 60 ports each; one flow stays and changes its port with each of them.
  constexpr std::uint32_t kGenerations = 10;
  for (std::uint32_t generation = 0; generation < kGenerations; ++generation) {
    for (std::uint32_t i = 0; i < 60; ++i) {
      source.add(plain_report(1000 + i, 7, 100 * generation + i),
                 kStart + std::int64_t{generation} * 30 * kSecond + i);
    }
  }
  Engine engine(engine_options, {&source});
  const Result result = run_inline(engine);
  const auto port = static_cast<std::size_t>(Table::kPort);
  EXPECT_EQ(result.total.refused[port], 0U);
  EXPECT_EQ(result.total.entries[port], 60U);
  EXPECT_EQ(result.total.expired[port], 60U * (kGenerations - 1));
  std::set<std::uint32_t> ports;
  engine.for_each_port([&](const PortSnapshot& snapshot) { ports.insert(snapshot.key.port); });
  EXPECT_EQ(ports.size(), 60U);
  EXPECT_EQ(*ports.begin(), 100 * (kGenerations - 1));
}

/// Says when the first batch is asked for, and gives nothing until it is told to.
class HeldBackSource final : public io::FrameSource {
 public:
  explicit HeldBackSource(MemorySource& source) : source_(source) {}
  std::atomic<bool> open{false};

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    return open ? source_.receive(batch) : 0;
  }
  void release(const io::FrameHandle* handles, std::size_t count) noexcept override {
    source_.release(handles, count);
  }
  void wait(int timeout_ms) noexcept override { source_.wait(timeout_ms); }
  [[nodiscard]] bool exhausted() const noexcept override { return false; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return source_.capacity(); }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override { return source_.description(); }

 private:
  MemorySource& source_;
};

TEST(Engine, AFrameLentLateFindsNoPortThatIsGone) {
  constexpr std::uint16_t kFlows = 200;
  MemorySource own;
  MemorySource lender;
  EngineOptions options;
  options.tables.idle_timeout_s = 10;
  std::uint32_t sequence = 0;
  const auto give = [&](MemorySource& source, std::uint16_t flow, std::int64_t time_ns) {
    encode::Report10 report{.switch_id = 1, .sequence = sequence++};
    report.flags.tracked = true;
    report.packet.source_port = flow;
    Metadata hop;
    hop.node_id = 5;
    hop.l1_egress_if = flow;
    hop.hop_latency = 1000;
    hop.tx_utilization = flow % 20;
    report.packet.telemetry = encode::Telemetry{.bitmap = kBitmap, .hops = {hop}};
    source.add(frame_of(report), time_ns);
  };
  // Every flow has a port of its own, and its frames come to the one worker only.
  for (int round = 0; round < 3; ++round) {
    for (std::uint16_t flow = 1; flow <= kFlows; ++flow) give(lender, flow, kStart);
  }
  Engine engine(options, {&own, &lender});
  const auto run = [&] {
    while (engine.run_inline() != 0) {
    }
  };
  run();
  // The other worker's time goes on, past the ports' time-out but not that of all flows.
  for (int second = 1; second <= 10; ++second) {
    give(own, 5000, kStart + second * kSecond);
    run();
  }
  for (std::uint16_t flow = 1; flow <= kFlows; ++flow) {
    give(lender, flow, kStart + 10 * kSecond - 1);
  }
  run();
  std::set<std::uint32_t> ports;
  engine.for_each_port([&](const PortSnapshot& port) {
    EXPECT_EQ(port.key.switch_id, 5U);
    EXPECT_EQ(port.tx_utilization, port.key.port % 20);
    ports.insert(port.key.port);
  });
  EXPECT_EQ(ports.size(), kFlows + 1U);
}

TEST(Engine, StoppingTakesWhatHasArrived) {
  MemorySource frames;
  for (std::uint32_t i = 0; i < 5'000; ++i) frames.add(plain_report(i % 100, 7, 1), kStart + i);
  HeldBackSource source(frames);
  Engine engine(options(), {&source, nullptr});
  engine.start();
  source.open = true;
  engine.stop();
  EXPECT_EQ(engine.total().frames, 5'000U);
  EXPECT_EQ(frames.held(), 0U);
}

}  // namespace
}  // namespace hopscope::pipeline
