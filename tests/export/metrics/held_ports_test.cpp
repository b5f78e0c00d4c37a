#include "export/metrics/held_ports.h"

#include <gtest/gtest.h>

#include <tuple>

#include "export/metrics/example_tables.h"

namespace hopscope::exporter {
namespace {

using pipeline::PortSnapshot;

using Row =
    std::tuple<std::uint32_t, std::uint32_t, bool, std::uint32_t, std::vector<std::uint64_t>>;

Row row_of(const PortSnapshot& port) {
  std::vector<std::uint64_t> queues;
  for (const pipeline::QueueSnapshot& queue : port.queues) {
    queues.push_back(queue.queue);
    queues.push_back(queue.has_occupancy ? queue.occupancy : ~0ULL);
    queues.push_back(queue.has_congestion ? queue.congestion : ~0ULL);
  }
  return {port.key.switch_id, port.key.port, port.has_tx_utilization, port.tx_utilization, queues};
}

/// What for_each() tells, and what the tables have, both of shard 1 of 3 of switches 1 and 2.
void expect_the_same(std::uint32_t ports, std::uint32_t queues) {
  const ExampleTables tables({.switches = {1, 2, 3}, .ports = ports, .queues = queues});
  const ScrapeView view{.switches = {1, 2}, .shard = 1, .shards = 3};
  std::vector<Row> expected;
  tables.for_each_port([&](const PortSnapshot& port) {
    const std::uint64_t hash = shard_hash(port.key.switch_id, port.key.port);
    if (port.key.switch_id != 3 && hash % 3 == 1) expected.push_back(row_of(port));
  });
  const HeldPorts held(tables, view);
  for (int family = 0; family < 2; ++family) {
    std::vector<Row> told;
    held.for_each([&](const PortSnapshot& port) { told.push_back(row_of(port)); });
    EXPECT_EQ(told, expected) << ports << " ports of " << queues << " queues";
  }
}

TEST(HeldPorts, TellWhatTheTablesTell) {
  expect_the_same(0, 0);
  expect_the_same(100, 8);
  expect_the_same(100, 0);
}

TEST(HeldPorts, SoDoThoseThatAreTooManyToHold) {
  expect_the_same(60'000, 1);   // ports
  expect_the_same(1'000, 250);  // queues
}

}  // namespace
}  // namespace hopscope::exporter
