#pragma once
// What every case of bench_pipeline is made of: a name that says all that is special about it, the
// clock, and how many rounds are timed.

#include <benchmark/benchmark.h>
#include <time.h>

#include <cstdint>
#include <string>

#include "frame_ring.h"
#include "traffic.h"

namespace hopscope::bench {

/// CPU time of this thread: what runs beside it counts only where it takes caches and memory.
[[nodiscard]] inline double thread_seconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Times `round()` as often as `rounds` says; each is over `reports` reports. `between()` runs
/// before each and is not timed.
template <typename Between, typename Round>
void time_rounds(benchmark::State& state, std::size_t reports, const Between& between,
                 const Round& round) {
  for (auto _ : state) {
    between();
    const double start = thread_seconds();
    round();
    state.SetIterationTime(thread_seconds() - start);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(reports));
}

/// Reports of a case that are timed, about: so many that its set-up, done once, is worth it. Fewer
/// with --quick, which only shows that it runs.
inline std::size_t timed_reports = 2 << 20;

/// Registers a case.
template <typename Run>
void add_case(const std::string& name, std::size_t reports_a_round, const Run& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->UseManualTime()
      ->Iterations(
          static_cast<std::int64_t>(std::max<std::size_t>(1, timed_reports / reports_a_round)));
}

/// "/hops:6/fields:9/flows:1000", and what else is not as in most cases.
[[nodiscard]] std::string suffix_of(const TrafficOptions& traffic);

// Each in the file of the same name.
void add_decode_cases();
void add_stage_cases();
void add_pipeline_cases();
void add_map_cases();

}  // namespace hopscope::bench
