#include "export/metrics/example_tables.h"

#include <bit>
#include <utility>

#include "pipeline/report/hash.h"
#include "pipeline/tables/port_table.h"

namespace hopscope::exporter {
namespace {

constexpr std::int64_t kThen = 1'700'000'000'000'000'000;
constexpr std::int64_t kIdleNs = 60'000'000'000;
/// Of the fabric, since the collector was started.
constexpr std::uint64_t kReports = 1'000'000'000;
/// Most hops take about so long: 4 to 8 us.
constexpr int kUsualLatencyBucket = 6;

/// What a number is of, so that no two things have the same.
enum class Of : std::uint64_t {
  kFlowKey,
  kFlowPath,
  kFlowReports,
  kFlowPathChanges,
  kFlowTime,
  kHopLatency,
  kUtilization,
  kOccupancy,
  kLatencyCount,
  kLatencySum,
  kDrops,
  kSender,
  kLink,
  kFormat,
  kCounter,
};

/// Random bits, the same each time: digits that follow a rule would be smaller in gzip than those
/// that were measured.
template <typename... Where>
std::uint64_t bits(Of of, Where... where) {
  std::uint64_t mixed = static_cast<std::uint64_t>(of) + 1;
  ((mixed = pipeline::hash_of(mixed ^ where, {})), ...);
  return mixed;
}

/// Of as many bits as it happens, at most `max_bits`: most flows and queues are small, a few are
/// large.
std::uint64_t heavy_tailed(std::uint64_t random, unsigned max_bits) {
  const std::uint64_t width = random % (max_bits + 1);
  return (random >> 8) & ((std::uint64_t{1} << width) - 1);
}

/// A permutation of the 32-bit numbers (MurmurHash3's finalizer).
std::uint32_t scattered(std::uint32_t x) {
  x = (x ^ x >> 16) * 0x85EB'CA6B;
  x = (x ^ x >> 13) * 0xC2B2'AE35;
  return x ^ x >> 16;
}

/// Keys in no order, as a hash table has them. Source and its port hold the whole index: no two
/// flows have the same.
pipeline::FlowKey flow_key(std::uint64_t index) {
  constexpr std::uint16_t kPorts[] = {443, 443, 443, 80, 4791, 2049, 3306, 6443};
  const auto part = [](std::uint64_t word, unsigned shift) {
    return static_cast<std::uint8_t>(word >> shift);
  };
  const std::uint32_t who = scattered(static_cast<std::uint32_t>(index));
  const std::uint64_t whom = bits(Of::kFlowKey, index);
  pipeline::FlowKey key;
  key.source = {.bytes = {10, static_cast<std::uint8_t>(who >> 30), part(who, 22), part(who, 14)},
                .version = 4};
  key.destination = {
      .bytes = {10, static_cast<std::uint8_t>(64 + (whom & 3)), part(whom, 8), part(whom, 16)},
      .version = 4};
  key.source_port = static_cast<std::uint16_t>(32'768 + (who & 0x3FFF));
  key.destination_port = kPorts[whom >> 24 & 7];
  key.protocol = key.destination_port == 4791 ? 17 : 6;
  return key;
}

/// Rows in the tables of one worker. Each has flows, senders and keys of its own; ports, links and
/// drops are known to all.
void count_rows(const ExampleSize& size, pipeline::CounterSnapshot& counters) {
  using pipeline::Table;
  const auto rows = [&](Table table, std::uint64_t entries) {
    counters.entries[static_cast<std::size_t>(table)] = entries;
    counters.capacity[static_cast<std::size_t>(table)] = std::bit_ceil(entries + 1);
  };
  rows(Table::kFlowIpv4, size.flows / size.workers);
  rows(Table::kFlowIpv6, 0);
  rows(Table::kPort, size.all_ports());
  rows(Table::kQueueOverflow, size.all_overflow_queues());
  rows(Table::kSwitch, size.switches.size());
  rows(Table::kSequence, size.all_senders() / size.workers);
  rows(Table::kFormat, size.formats * size.keys_a_format / size.workers);
  rows(Table::kLink, size.all_links());
  rows(Table::kDropReason, size.all_drops());
}

/// visit(index of a switch, index in it) for `all` things, the same number of each switch as far as
/// they go.
template <typename Visit>
void spread(std::uint64_t all, std::uint64_t switches, const Visit& visit) {
  for (std::uint64_t at = 0; at < switches; ++at) {
    const std::uint64_t count = all / switches + (at < all % switches ? 1 : 0);
    for (std::uint32_t i = 0; i < count; ++i) visit(at, i);
  }
}

}  // namespace

std::uint64_t ExampleSize::all_overflow_queues() const noexcept {
  const std::uint64_t of_a_port =
      queues > pipeline::kInlineQueues ? queues - pipeline::kInlineQueues : 0;
  return std::min(all_ports() * of_a_port, max_overflow_queues);
}

std::uint64_t ExampleSize::all_queues() const noexcept {
  return all_ports() * std::min(queues, pipeline::kInlineQueues) + all_overflow_queues();
}

ExampleTables::ExampleTables(ExampleSize size) : size_(std::move(size)) {}

void ExampleTables::make_flow(std::uint64_t index, pipeline::FlowSnapshot& flow) const {
  constexpr unsigned kMaxReportBits = 23;
  constexpr unsigned kMaxPathChangeBits = 3;
  flow.key = flow_key(index);
  flow.place = index;
  flow.reports = 1 + heavy_tailed(bits(Of::kFlowReports, index), kMaxReportBits);
  flow.path_changes = static_cast<std::uint32_t>(
      heavy_tailed(bits(Of::kFlowPathChanges, index), kMaxPathChangeBits));
  flow.last_seen_ns = kThen - static_cast<std::int64_t>(bits(Of::kFlowTime, index) % kIdleNs);
  flow.has_latency = true;
  flow.latency_ns = 0;
  flow.hop_count =
      static_cast<std::uint8_t>(std::min<std::uint32_t>(size_.hops, pipeline::kMaxHops));
  const std::uint64_t first = bits(Of::kFlowPath, index) % size_.switches.size();
  for (unsigned i = 0; i < flow.hop_count; ++i) {
    pipeline::HopSnapshot& hop = flow.hops[i];
    const std::uint64_t random = bits(Of::kHopLatency, index, i);
    // 256 ns to 131 us.
    const std::uint64_t least = std::uint64_t{256} << random % 9;
    hop.switch_id = size_.switches[(first + i) % size_.switches.size()];
    hop.egress_port = 1;
    hop.has_latency = true;
    hop.latency = static_cast<std::uint32_t>(least + (random >> 8) % least);
    flow.latency_ns += hop.latency;
  }
}

void ExampleTables::for_each_flow(
    const std::function<void(const pipeline::FlowSnapshot&)>& visit) const {
  pipeline::FlowSnapshot flow;
  for (std::uint64_t i = 0; i < size_.flows; ++i) {
    make_flow(i, flow);
    visit(flow);
  }
}

bool ExampleTables::read_flow(pipeline::FlowRef place, pipeline::FlowSnapshot& flow) const {
  if (place >= size_.flows) return false;
  make_flow(place, flow);
  return true;
}

void ExampleTables::for_each_port(
    const std::function<void(const pipeline::PortSnapshot&)>& visit) const {
  constexpr unsigned kMaxOccupancyBits = 15;
  const std::uint32_t in_row = std::min(size_.queues, pipeline::kInlineQueues);
  std::uint64_t overflow_left = size_.all_overflow_queues();
  pipeline::PortSnapshot port;
  port.last_seen_ns = kThen;
  port.has_tx_utilization = true;
  spread(size_.all_ports(), size_.switches.size(), [&](std::uint64_t at, std::uint32_t i) {
    port.key = {.switch_id = size_.switches[at], .port = i};
    port.tx_utilization = static_cast<std::uint32_t>(bits(Of::kUtilization, at, i) % 100);
    const auto overflow =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(size_.queues - in_row, overflow_left));
    overflow_left -= overflow;
    port.queues.resize(in_row + overflow);
    for (std::uint32_t q = 0; q < in_row + overflow; ++q) {
      port.queues[q] = {.queue = q,
                        .has_occupancy = true,
                        .occupancy = static_cast<std::uint32_t>(
                            heavy_tailed(bits(Of::kOccupancy, at, i, q), kMaxOccupancyBits))};
    }
    visit(port);
  });
}

void ExampleTables::for_each_switch(
    const std::function<void(const pipeline::SwitchSnapshot&)>& visit) const {
  pipeline::SwitchSnapshot row;
  for (const std::uint32_t id : size_.switches) {
    row.switch_id = id;
    // A quarter for each bucket away from the usual latency, and none far away.
    for (int i = 0; i < static_cast<int>(pipeline::kLatencyBuckets); ++i) {
      const int away = i < kUsualLatencyBucket ? kUsualLatencyBucket - i : i - kUsualLatencyBucket;
      const std::uint64_t most = away < 16 ? kReports >> 2 * away : 0;
      const auto bucket = static_cast<std::uint64_t>(i);
      row.latency_buckets[bucket] =
          most == 0 ? 0 : most / 2 + bits(Of::kLatencyCount, id, bucket) % (most / 2 + 1);
    }
    row.latency_sum_ns = kReports * 5000 + bits(Of::kLatencySum, id) % (kReports * 1000);
    visit(row);
  }
}

void ExampleTables::for_each_drop(
    const std::function<void(const pipeline::DropSnapshot&)>& visit) const {
  constexpr std::uint32_t kFirstReason = 24;
  spread(size_.all_drops(), size_.switches.size(), [&](std::uint64_t at, std::uint32_t i) {
    visit({.switch_id = size_.switches[at],
           .reason = kFirstReason + i,
           .packets = 1 + bits(Of::kDrops, at, i) % 1'000'000});
  });
}

void ExampleTables::for_each_sequence(
    const std::function<void(const pipeline::SequenceSnapshot&)>& visit) const {
  for (std::uint64_t at = 0; at < size_.all_senders(); ++at) {
    const std::uint32_t id = size_.switches[at];
    const auto random = [at](std::uint64_t what, std::uint64_t most) {
      return bits(Of::kSender, at, what) % most;
    };
    visit({.source = {.bytes = {192, 168, static_cast<std::uint8_t>(id >> 8),
                                static_cast<std::uint8_t>(id)},
                      .version = 4},
           .switch_id = id,
           .hw_id = 1,
           .received = kReports / 10 + random(0, kReports),
           .missing = random(1, 100'000),
           .late = random(2, 10'000),
           .duplicates = random(3, 1'000),
           .restarts = random(4, 10),
           .versions = 2});
  }
}

void ExampleTables::for_each_link(
    const std::function<void(const pipeline::LinkSnapshot&)>& visit) const {
  const std::size_t switches = size_.switches.size();
  spread(size_.all_links(), switches, [&](std::uint64_t at, std::uint32_t i) {
    visit({.from = {.switch_id = size_.switches[at], .port = i},
           .to = {.switch_id = size_.switches[(at + i + 1) % switches], .port = i},
           .latency_ns = 500 + bits(Of::kLink, at, i) % 5000,
           .last_seen_ns = kThen});
  });
}

void ExampleTables::for_each_format(
    const std::function<void(const pipeline::FormatSnapshot&)>& visit) const {
  for (std::uint32_t format = 0; format < size_.formats; ++format) {
    for (std::uint64_t i = 0; i < size_.keys_a_format; ++i) {
      const auto random = [format, i](std::uint64_t what) {
        return bits(Of::kFormat, format, i, what) % 1'000'000;
      };
      pipeline::FormatSnapshot row;
      row.format = static_cast<std::uint8_t>(format);
      for (std::size_t word = 1; word < row.key.size(); word += 2) row.key[word] = i;
      row.reports = 1 + random(row.value.size());
      row.drops = random(row.value.size() + 1);
      row.present = 0xFF;
      for (std::size_t k = 0; k < row.value.size(); ++k) row.value[k] = random(k);
      visit(row);
    }
  }
}

pipeline::CounterSnapshot ExampleTables::counters(std::size_t worker) const {
  pipeline::CounterSnapshot counters;
  std::uint64_t drawn = 0;
  const auto random = [&](std::uint64_t most) {
    return 1 + bits(Of::kCounter, worker, ++drawn) % most;
  };
  const auto fill = [&](auto& all, std::uint64_t most) {
    for (std::uint64_t& one : all) one = random(most);
  };
  counters.frames = kReports / size_.workers + random(kReports / 10);
  counters.decoded = counters.frames - random(1'000'000);
  counters.reports = counters.decoded;
  counters.regular_reports = counters.decoded - random(10'000'000);
  counters.batches = counters.frames / 32;
  counters.busy_ns = 1'000'000'000'000 + random(1'000'000'000'000);
  counters.busy_ppm = random(1'000'000);
  counters.format_records = random(kReports);
  counters.ipv4_checksum_wrong = random(1000);
  counters.udp_checksum_wrong = random(1000);
  counters.handoff_dropped = random(10'000);
  counters.changes_dropped = random(1000);
  counters.events_dropped = random(10'000);
  for (auto& of_a_version : counters.reports_by) fill(of_a_version, kReports / size_.workers);
  fill(counters.events, 10'000'000);
  fill(counters.dropped, 100'000);
  fill(counters.errors, 100'000);
  fill(counters.refused, 100'000);
  fill(counters.evicted, 1'000'000);
  fill(counters.expired, 10'000'000);
  count_rows(size_, counters);
  return counters;
}

}  // namespace hopscope::exporter
