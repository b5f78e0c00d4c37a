// ns per report: decoding alone (every hop read), and the whole pipeline on one thread (decode,
// tables, events) from frames in memory. A ring of frames is given other flows and values between
// the timed passes, so that the frames come from the cache that a NIC would have written them to
// rather than from L1.

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <random>

#include "pipeline/decode.h"
#include "pipeline/encode.h"
#include "pipeline/engine.h"
#include "pipeline/hop_list.h"
#include "pipeline/units.h"
#include "support/memory_source.h"

namespace {

using hopscope::pipeline::Bytes;
using hopscope::pipeline::CounterSnapshot;
using hopscope::pipeline::Engine;
using hopscope::pipeline::EngineOptions;
using hopscope::pipeline::Event;
using hopscope::test::MemorySource;
namespace pipeline = hopscope::pipeline;
namespace encode = hopscope::pipeline::encode;

constexpr std::size_t kRing = 4096;
constexpr std::uint16_t kAllFields = 0xFF00;   // bits 0 to 7: 8 words in 0.5, 9 in 1.0, 11 in 2.x
constexpr std::uint16_t kFourFields = 0xF000;  // node, ports, latency, queue
constexpr double kEventShare = 0.01;

std::int64_t thread_time_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

/// A report of a sink with an INT-MD stack over UDP.
struct Frame {
  std::vector<std::uint8_t> bytes;
  std::size_t inner_source;                   ///< offset of the inner IPv4 source address
  std::size_t first_hop;                      ///< offset of the stack
  std::size_t sequence;                       ///< offset of the word with the sequence number
  std::uint32_t sequence_mask = 0xFFFF'FFFF;  ///< its bits in there
};

/// `version` 5, 10 or 20: of the report, with INT 0.5, 1.0 or 2.x.
Frame make_frame(int version, unsigned hops, std::uint16_t bitmap) {
  encode::Packet packet;
  packet.telemetry = encode::Telemetry{.version = version == 5    ? pipeline::IntVersion::k05
                                                  : version == 10 ? pipeline::IntVersion::k10
                                                                  : pipeline::IntVersion::k2x,
                                       .bitmap = bitmap};
  for (unsigned i = 0; i < hops; ++i) {
    pipeline::Metadata hop;
    hop.node_id = i + 1;
    hop.l1_ingress_if = 1;
    hop.l1_egress_if = 2;
    hop.hop_latency = 1000;
    hop.queue_id = 1;
    hop.queue_occupancy = 10;
    hop.tx_utilization = 3;
    packet.telemetry->hops.push_back(hop);
  }
  encode::ByteWriter out;
  const encode::Flags tracked{.tracked = true};
  encode::FrameMarks marks;
  if (version == 5) {
    marks = put_frame(out, {}, encode::Report05{.flags = tracked, .packet = packet});
  } else if (version == 10) {
    marks =
        put_frame(out, {}, encode::Report10{.flags = tracked, .switch_id = 1, .packet = packet});
  } else {
    const encode::IndividualReport individual{.flags = tracked, .packet = packet};
    marks = put_frame(out, {}, encode::Report20{.node_id = 1, .reports = {individual}});
  }
  Frame frame{.bytes = {out.bytes().begin(), out.bytes().end()},
              .inner_source = 0,
              .first_hop = 0,
              .sequence = 0};
  const std::size_t header = version == 10 ? 16 : 12;
  const std::size_t int_header = version == 20 ? 12 : 8;
  constexpr std::size_t kEthernet = 14, kToSource = 12, kIpv4 = 20, kUdp = 8, kShim = 4;
  if (version == 20) frame.sequence_mask = 0x003F'FFFF;
  frame.sequence = marks.payload + (version == 10 ? 8 : version == 5 ? 4 : 0);
  frame.inner_source = marks.payload + header + kEthernet + kToSource;
  frame.first_hop = marks.payload + header + kEthernet + kIpv4 + kUdp + kShim + int_header;
  return frame;
}

/// Gives every frame of the ring the next sequence number and another flow, and some of them
/// another latency at the first hop.
class Shuffler {
 public:
  Shuffler(const Frame& frame, std::uint32_t flows) : frame_(frame), flows_(flows) {}

  void shuffle(MemorySource& ring) {
    constexpr std::size_t kLatencyWord = 8;
    for (auto& item : ring.items()) {
      const std::uint32_t others = get(item.bytes, frame_.sequence) & ~frame_.sequence_mask;
      put(item.bytes, frame_.sequence, others | (sequence_++ & frame_.sequence_mask));
      put(item.bytes, frame_.inner_source,
          0x0A000000U + static_cast<std::uint32_t>(random_() % flows_));
      const bool moves = static_cast<double>(random_() % 1'000'000) < kEventShare * 500'000;
      put(item.bytes, frame_.first_hop + kLatencyWord, moves ? 600'000U : 1000U);
    }
  }

 private:
  static std::uint32_t get(const std::vector<std::uint8_t>& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
    return value;
  }
  static void put(std::vector<std::uint8_t>& bytes, std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i)
      bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }

  const Frame& frame_;
  std::uint32_t flows_;
  std::uint32_t sequence_ = 0;
  std::mt19937 random_{1};
};

std::vector<MemorySource::Item> make_ring(const Frame& frame) {
  return std::vector<MemorySource::Item>(kRing, {.bytes = frame.bytes, .time_ns = 1'000'000'000});
}

void decode_only(benchmark::State& state) {
  const Frame frame =
      make_frame(static_cast<int>(state.range(0)), static_cast<unsigned>(state.range(1)),
                 state.range(2) != 4 ? kAllFields : kFourFields);
  MemorySource ring(make_ring(frame));
  Shuffler shuffler(frame, 1000);
  const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
  const pipeline::UnitTable units{pipeline::SwitchOptions{}, pipeline::EventOptions{}};
  pipeline::HopReader reader_of_hops(units);
  pipeline::Report report;
  pipeline::OuterHeaders outer;
  pipeline::HopList list;
  std::uint64_t hops = 0;
  for (auto _ : state) {
    shuffler.shuffle(ring);
    const std::int64_t start = thread_time_ns();
    for (const auto& item : ring.items()) {
      if (decoder.outer(Bytes(item.bytes), outer) != pipeline::DecodeError::kNone) continue;
      auto reader = decoder.reports(outer);
      while (reader.next(report)) {
        reader_of_hops.read(report, list);
        benchmark::DoNotOptimize(list);
        hops += list.length;
      }
    }
    state.SetIterationTime(static_cast<double>(thread_time_ns() - start) * 1e-9);
  }
  if (hops != static_cast<std::uint64_t>(state.iterations()) * kRing *
                  static_cast<std::uint64_t>(state.range(1))) {
    state.SkipWithError("hops were lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRing));
}

void whole_pipeline(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(2));
  const Frame frame = make_frame(10, static_cast<unsigned>(state.range(0)),
                                 state.range(1) == 9 ? kAllFields : kFourFields);
  MemorySource ring(make_ring(frame));
  Shuffler shuffler(frame, flows);
  EngineOptions options;
  options.tables.flows_ipv4 = flows + flows / 8 + 64;
  options.tables.flows_ipv6 = 64;
  options.events.new_key = false;
  Engine engine(options, {&ring});
  std::vector<Event> events(1024);
  const auto pass = [&] {
    while (engine.run_inline() != 0) {
    }
    while (engine.take_events(events) != 0) {
    }
    ring.rewind();
  };
  // Every flow is known before the first timed pass.
  for (std::uint32_t known = 0; known < 4 * flows; known += kRing) {
    shuffler.shuffle(ring);
    pass();
  }
  const CounterSnapshot before = engine.total();
  for (auto _ : state) {
    shuffler.shuffle(ring);
    const std::int64_t start = thread_time_ns();
    pass();
    state.SetIterationTime(static_cast<double>(thread_time_ns() - start) * 1e-9);
  }
  const CounterSnapshot after = engine.total();
  const auto reports = static_cast<double>(after.reports - before.reports);
  std::uint64_t events_seen = 0;
  for (std::size_t i = 0; i < after.events.size(); ++i) {
    events_seen += after.events[i] - before.events[i];
  }
  state.counters["event_share"] = static_cast<double>(events_seen) / reports;
  if (after.decoded - before.decoded != static_cast<std::uint64_t>(state.iterations()) * kRing) {
    state.SkipWithError("reports were lost");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRing));
}

BENCHMARK(decode_only)
    ->ArgNames({"version", "hops", "fields"})
    ->ArgsProduct({{5}, {1, 3, 6}, {8}})
    ->ArgsProduct({{10}, {1, 3, 6}, {9}})
    ->Args({10, 3, 4})
    ->ArgsProduct({{20}, {1, 3, 6}, {11}})
    ->UseManualTime();
BENCHMARK(whole_pipeline)
    ->ArgNames({"hops", "fields", "flows"})
    ->ArgsProduct({{1, 3, 6}, {9}, {1, 1000, 100'000, 1'000'000}})
    ->Args({3, 4, 1})
    ->UseManualTime();

}  // namespace

BENCHMARK_MAIN();
