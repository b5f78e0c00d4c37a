// Times of different switches: compared only where their clocks agree, modulo their width.

#include "pipeline/tables/clocks.h"

#include <gtest/gtest.h>

#include "pipeline/encode/encode.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"

namespace hopscope::pipeline {
namespace {

TEST(PassedNs, ModuloTheWidthOfTheClock) {
  Units units;
  EXPECT_EQ(passed_ns(100, 350, false, units), 250U);
  EXPECT_EQ(passed_ns(0xFFFF'FF00, 0x100, false, units), 0x200U) << "32 bits wrapped";
  EXPECT_EQ(passed_ns(0xFFFF'FF00, 0x1'0000'0100, true, units), 0x200U);
  EXPECT_EQ(passed_ns(0xFFFF'FFFF'FF00, 0x100, true, units), 0x200U) << "48 bits wrapped";
  EXPECT_EQ(passed_ns(~std::uint64_t{0} - 255, 256, true, units), 512U) << "64 bits wrapped";
  EXPECT_EQ(passed_ns(350, 100, false, units), std::nullopt) << "before, not a long time after";
  EXPECT_EQ(passed_ns(std::uint64_t{1} << 60, (std::uint64_t{1} << 60) - 5, true, units),
            std::nullopt);
  units.time_to_ns = 65536 * 1000;  // microseconds
  EXPECT_EQ(passed_ns(0xFFFF'FFFF, 4, false, units), 5'000U);
}

/// One report of three hops, 1 at the source; their clocks stand at `offset` each.
std::vector<std::uint8_t> report(IntVersion version, const std::array<std::uint64_t, 3>& offset) {
  encode::Packet packet;
  packet.telemetry = encode::Telemetry{.version = version, .bitmap = 0xEC00, .hops = {}};
  for (std::uint32_t i = 3; i > 0; --i) {
    Metadata hop;
    hop.node_id = i;
    hop.l1_ingress_if = 10;
    hop.l1_egress_if = 20 + i;
    hop.hop_latency = 100;
    hop.ingress_time = offset[i - 1] + i * 1000;
    hop.egress_time = offset[i - 1] + i * 1000 + 100;
    packet.telemetry->hops.push_back(hop);
  }
  encode::IndividualReport individual{.flags = {.tracked = true}};
  individual.packet = packet;
  encode::ByteWriter out;
  encode::put_frame(out, encode::Outer{}, encode::Report20{.node_id = 3, .reports = {individual}});
  return {out.bytes().begin(), out.bytes().end()};
}

struct Result {
  FlowSnapshot flow;
  std::vector<LinkSnapshot> links;
};

Result run(const std::vector<std::uint8_t>& frame, const std::array<std::string, 3>& clocks,
           double unit_s = 1e-9) {
  EngineOptions options;
  options.switches.defaults.time_unit_s = unit_s;
  for (std::uint32_t i = 0; i < 3; ++i) {
    options.switches.by_id[i + 1] = options.switches.defaults;
    options.switches.by_id[i + 1].clock = clocks[i];
  }
  test::MemorySource source;
  source.add(frame, 1'700'000'000'000'000'000);
  Engine engine(options, {&source});
  while (engine.run_inline() != 0) {
  }
  Result result;
  engine.for_each_flow([&](const FlowSnapshot& flow) { result.flow = flow; });
  engine.for_each_link([&](const LinkSnapshot& link) { result.links.push_back(link); });
  return result;
}

TEST(Clocks, WhereTheyAgreeTheFlowIsTimedByThem) {
  for (const IntVersion version : {IntVersion::k05, IntVersion::k10, IntVersion::k2x}) {
    for (const std::uint64_t start : {std::uint64_t{5}, std::uint64_t{0xFFFF'FFFF} - 1500}) {
      const auto frame = report(version, {start, start, start});
      const Result alone = run(frame, {"", "", ""});
      EXPECT_FALSE(alone.flow.timed);
      EXPECT_EQ(alone.flow.latency_ns, 300U) << "the sum of the hops";
      EXPECT_TRUE(alone.links.empty());

      const Result agreed = run(frame, {"ptp", "ptp", "ptp"});
      EXPECT_TRUE(agreed.flow.timed);
      EXPECT_EQ(agreed.flow.latency_ns, 2100U);
      ASSERT_EQ(agreed.links.size(), 2U);
      EXPECT_EQ(agreed.links[0].from, (PortKey{1, 21}));
      EXPECT_EQ(agreed.links[0].to, (PortKey{2, 10}));
      EXPECT_EQ(agreed.links[0].latency_ns, 900U);
      EXPECT_EQ(agreed.links[1].latency_ns, 900U);

      const Result microseconds = run(frame, {"ptp", "ptp", "ptp"}, 1e-6);
      EXPECT_EQ(microseconds.flow.latency_ns, 2'100'000U);

      const Result partly = run(frame, {"ptp", "ptp", "other"});
      EXPECT_FALSE(partly.flow.timed);
      EXPECT_EQ(partly.flow.latency_ns, 300U);
      EXPECT_EQ(partly.links.size(), 1U) << "only between those that agree";
    }
  }
}

TEST(Clocks, AStackThatWasCutIsNotTimed) {
  auto frame = report(IntVersion::k2x, {5, 5, 5});
  for (int i = 0; i < 40; ++i) frame.pop_back();  // the source's hop and a piece of the next one
  const auto shorten = [&frame](std::size_t at) {
    const int length = (frame[at] << 8 | frame[at + 1]) - 40;
    frame[at] = static_cast<std::uint8_t>(length >> 8);
    frame[at + 1] = static_cast<std::uint8_t>(length);
  };
  shorten(16);  // IP
  shorten(38);  // UDP
  const Result result = run(frame, {"ptp", "ptp", "ptp"});
  EXPECT_GT(result.flow.hop_count, 0U);
  EXPECT_FALSE(result.flow.timed);
}

/// The latency of the only hop, which has times instead.
std::uint64_t hop_latency(std::uint64_t ingress, std::uint64_t egress, double latency_unit_s) {
  encode::Packet packet;
  packet.telemetry =
      encode::Telemetry{.version = IntVersion::k2x, .bitmap = 0x8C00, .hops = {Metadata{}}};
  Metadata& hop = packet.telemetry->hops[0];
  hop.node_id = 1;
  hop.ingress_time = ingress;
  hop.egress_time = egress;
  encode::IndividualReport individual{.flags = {.tracked = true}, .packet = packet};
  encode::ByteWriter out;
  encode::put_frame(out, encode::Outer{}, encode::Report20{.reports = {individual}});
  EngineOptions options;
  options.switches.defaults.latency_unit_s = latency_unit_s;
  test::MemorySource source;
  source.add(out.bytes(), 1'700'000'000'000'000'000);
  Engine engine(options, {&source});
  while (engine.run_inline() != 0) {
  }
  std::uint64_t latency = ~std::uint64_t{0};
  engine.for_each_flow([&](const FlowSnapshot& flow) {
    if (flow.hops[0].has_latency) latency = flow.hops[0].latency;
  });
  return latency;
}

TEST(HopLatency, FromTimesThatMayHaveWrapped) {
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  EXPECT_EQ(hop_latency(1000, 4000, 1e-9), 3000U);
  EXPECT_EQ(hop_latency(1000, 4000, 1e-6), 3U) << "in the unit of latencies";
  EXPECT_EQ(hop_latency((std::uint64_t{1} << 48) - 100, 50, 1e-9), 150U);
  EXPECT_EQ(hop_latency(1000, 995, 1e-9), kNone);
  EXPECT_EQ(hop_latency(1000, 995, 1e-6), kNone);
}

TEST(Clocks, ATimeBeforeTheOneBeforeIsNoLatency) {
  // The last switch's clock is behind: neither the flow nor its last link gets a value from it.
  const Result result = run(report(IntVersion::k2x, {500'000, 500'000, 0}), {"ptp", "ptp", "ptp"});
  EXPECT_FALSE(result.flow.timed);
  EXPECT_EQ(result.flow.latency_ns, 300U);
  EXPECT_EQ(result.links.size(), 1U);
}

}  // namespace
}  // namespace hopscope::pipeline
