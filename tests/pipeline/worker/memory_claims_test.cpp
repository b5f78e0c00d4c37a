// How much memory flows take, and that all of it is claimed and touched at start: nothing grows
// when a million flows come.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "app/generate/traffic.h"
#include "pipeline/tables/flow_table.h"
#include "pipeline/worker/engine.h"
#include "support/memory_source.h"

namespace hopscope::app {
namespace {

constexpr std::uint32_t kFlows = 1'000'000;

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Hands out a report frame with another flow each time, `flows` of them.
class EveryFlow final : public io::FrameSource {
 public:
  EveryFlow(unsigned hops, std::uint32_t flows) : flows_(flows) {
    TrafficOptions options;
    options.hops = hops;
    options.flows = 1;
    TrafficModel traffic(options);
    traffic.next();
    const auto bytes = traffic.frame().bytes();
    frames_.assign(io::kBatch, {bytes.begin(), bytes.end()});
    const pipeline::Decoder decoder{pipeline::DecodeConfig{}};
    pipeline::OuterHeaders outer;
    pipeline::Report report;
    EXPECT_EQ(decoder.outer(frames_[0], outer), pipeline::DecodeError::kNone);
    EXPECT_TRUE(decoder.reports(outer).next(report));
    source_at_ = static_cast<std::size_t>(report.inner.ip + 12 - frames_[0].data());
  }

  std::size_t receive(io::FrameBatch& batch) noexcept override {
    batch.count = 0;
    while (batch.count < io::kBatch && next_ < flows_) {
      auto& frame = frames_[batch.count];
      const std::uint32_t address = __builtin_bswap32(0x0A00'0000 + next_++);
      std::memcpy(frame.data() + source_at_, &address, sizeof address);
      batch.data[batch.count] = frame.data();
      batch.length[batch.count] = static_cast<std::uint32_t>(frame.size());
      batch.handle[batch.count] = batch.count;
      ++batch.count;
    }
    batch.receive_time_ns = 1'000'000'000'000;
    return batch.count;
  }
  void release(const io::FrameHandle* /*handles*/, std::size_t /*count*/) noexcept override {}
  void wait(int /*timeout_ms*/) noexcept override {}
  [[nodiscard]] bool exhausted() const noexcept override { return next_ == flows_; }
  [[nodiscard]] std::size_t capacity() const noexcept override { return io::kBatch; }
  [[nodiscard]] io::SourceStatistics statistics() const noexcept override { return {}; }
  [[nodiscard]] io::SourceDescription description() const override { return {}; }

 private:
  std::vector<std::vector<std::uint8_t>> frames_;
  std::size_t source_at_ = 0;
  std::uint32_t flows_;
  std::uint32_t next_ = 0;
};

TEST(MemoryOfFlows, IsAtMost220BytesEach) {
  const std::uint64_t before = resident_bytes();
  const pipeline::FlowTable<pipeline::FlowKey4> table(kFlows, pipeline::FullPolicy::kRefuse, 60);
  EXPECT_LE(table.bytes(), kFlows * std::size_t{220});
  // What the table says of itself is what the process has; large arrays end on a 2 MB boundary.
  const std::uint64_t claimed = resident_bytes() - before;
  EXPECT_GE(claimed, table.bytes());
  EXPECT_LE(claimed, table.bytes() + (8 << 20));
}

class MemoryOfPaths : public testing::TestWithParam<unsigned> {};

TEST_P(MemoryOfPaths, IsClaimedAtStart) {
  EveryFlow source(GetParam(), kFlows);
  pipeline::EngineOptions options;
  options.tables.flows_ipv4 = kFlows;
  options.tables.flows_ipv6 = 1'000;
  options.tables.when_full = pipeline::FullPolicy::kRefuse;
  pipeline::Engine engine(options, {&source});
  std::array<pipeline::Event, 256> events;
  const std::uint64_t at_start = resident_bytes();
  while (engine.run_inline() != 0) {
    while (engine.take_events(events) != 0) {
    }
  }
  const std::uint64_t at_end = resident_bytes();
  // Pages of the stack and of the program itself, touched for the first time.
  EXPECT_LE(at_end, at_start + (512 << 10)) << "grew by " << at_end - at_start;
  const auto counted = engine.total();
  EXPECT_EQ(counted.reports, kFlows);
  EXPECT_EQ(counted.entries[static_cast<std::size_t>(pipeline::Table::kFlowIpv4)] +
                counted.refused[static_cast<std::size_t>(pipeline::Table::kFlowIpv4)],
            kFlows);
  EXPECT_EQ(counted.refused[static_cast<std::size_t>(pipeline::Table::kFlowIpv4)], 0U);
}

INSTANTIATE_TEST_SUITE_P(Hops, MemoryOfPaths, testing::Values(1U, 3U, 6U));

}  // namespace
}  // namespace hopscope::app
