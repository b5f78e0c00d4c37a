// How long an answer to a scrape takes to render, by format and size, and how much memory that
// takes at most. Flows over three hops: seven series each.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>

#include "export/metrics/encoding/gzip_stream.h"
#include "export/metrics/encoding/protobuf_encoder.h"
#include "export/metrics/encoding/text_encoder.h"
#include "export/metrics/example_tables.h"
#include "export/metrics/exposition.h"

namespace {

/// Bytes that operator new has given out and not got back.
std::size_t held = 0;
std::size_t most_held = 0;

void* allocate(std::size_t bytes) {
  constexpr std::size_t kHead = alignof(std::max_align_t);
  auto* at = static_cast<char*>(std::malloc(bytes + kHead));
  if (at == nullptr) throw std::bad_alloc();
  *reinterpret_cast<std::size_t*>(at) = bytes;
  held += bytes;
  most_held = std::max(most_held, held);
  return at + kHead;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  char* at = static_cast<char*>(memory) - alignof(std::max_align_t);
  held -= *reinterpret_cast<std::size_t*>(at);
  std::free(at);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  release(memory);
}

namespace hopscope::bench {
namespace {

using namespace exporter;

enum Format : int { kText, kOpenMetrics, kProtobuf, kTextGzip };

constexpr std::uint64_t kSeriesOfAFlow = 7;

/// About as many series as the argument says, of flows; of ports and queues where `of_ports`.
void render(benchmark::State& state, Format format, bool of_ports) {
  const auto wanted = static_cast<std::uint64_t>(state.range(0));
  ExampleSize size;
  size.switches.clear();
  constexpr std::uint32_t kSwitches = 200;
  for (std::uint32_t id = 1; id <= kSwitches; ++id) size.switches.push_back(id);
  size.flows = of_ports ? 0 : wanted / kSeriesOfAFlow;
  size.queues = 8;
  size.ports = of_ports ? static_cast<std::uint32_t>(wanted / (size.queues + 1) / kSwitches) : 0;
  const ExampleTables tables(size);
  const Names names{pipeline::SwitchOptions{}, {}};
  FlowSeriesOptions options;
  options.series = FlowSeries::kAll;
  options.max_series = 10'000'000;
  const ScrapeView everything;

  std::uint64_t bytes = 0;
  std::uint64_t series = 0;
  const std::size_t before = held;
  most_held = held;
  for (auto _ : state) {
    bytes = 0;
    const PieceSink count = [&](std::string_view piece) {
      bytes += piece.size();
      return true;
    };
    std::optional<GzipStream> gzip;
    if (format == kTextGzip) gzip.emplace(count);
    const PieceSink zip = [&](std::string_view piece) { return gzip->write(piece); };
    std::unique_ptr<Encoder> encoder;
    if (format == kProtobuf) {
      encoder = std::make_unique<ProtobufEncoder>(count);
    } else {
      encoder = std::make_unique<TextEncoder>(
          format == kOpenMetrics ? TextFormat::kOpenMetrics : TextFormat::kPrometheus,
          gzip ? zip : count);
    }
    SeriesWriter out(*encoder, everything, std::numeric_limits<std::uint64_t>::max());
    write_exposition({.tables = &tables}, options, names, nullptr, out);
    out.finish();
    if (gzip) gzip->finish();
    series = 0;
    for (const auto& family : out.counts()) series += family.series;
  }
  state.counters["series"] = static_cast<double>(series);
  state.counters["MB"] = static_cast<double>(bytes) / 1e6;
  state.counters["peak_bytes"] = static_cast<double>(most_held - before);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(render, text_flows, kText, false)->Apply(sizes);
BENCHMARK_CAPTURE(render, text_ports, kText, true)->Apply(sizes);
BENCHMARK_CAPTURE(render, openmetrics_flows, kOpenMetrics, false)->Apply(sizes);
BENCHMARK_CAPTURE(render, protobuf_flows, kProtobuf, false)->Apply(sizes);
BENCHMARK_CAPTURE(render, gzip_flows, kTextGzip, false)->Apply(sizes);

}  // namespace
}  // namespace hopscope::bench

BENCHMARK_MAIN();
