// The spool on a real disk: what a record of 200 bytes costs the thread that appends, and what it
// costs the whole process with those that write.

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "export/sinks/spool/spool.h"

namespace {

using hopscope::exporter::Spool;
using hopscope::exporter::SpoolEngine;
using hopscope::exporter::SpoolOptions;

constexpr std::uint64_t kRecords = 200'000;
constexpr std::uint64_t kRecordsPerTick = 1000;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double process_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);  // with the kernel's workers for io_uring: they are threads of it
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

/// A directory beside the benchmark, not in /tmp, which may be memory.
class Place {
 public:
  Place() {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = "bench_spool_XXXXXX";
};

/// False where the disk failed.
bool append_records(Spool& spool, std::uint64_t count, std::uint64_t& refused) {
  const std::string record(200, 'r');
  const std::uint64_t below = spool.end() + count;
  std::int64_t now = now_ns();
  for (std::uint64_t number = spool.end(); number < below;) {
    if (number % kRecordsPerTick == 0) spool.tick(now = now_ns());
    switch (spool.append(number, record, now)) {
      case Spool::Append::kTaken:
        ++number;
        break;
      case Spool::Append::kNoRoom:
        ++refused;
        spool.tick(now = now_ns());
        break;
      default:
        return false;
    }
  }
  return true;
}

void append(benchmark::State& state, SpoolEngine engine) {
  double thread = 0;
  double process = 0;
  std::uint64_t refused = 0;
  for (auto _ : state) {
    state.PauseTiming();
    {
      const Place place;
      SpoolOptions options;
      options.directory = place.path();
      options.engine = engine;
      Spool spool(options);
      const double thread_before = thread_seconds();
      const double process_before = process_seconds();
      state.ResumeTiming();
      const bool taken = append_records(spool, kRecords, refused);
      thread += thread_seconds() - thread_before;
      if (!taken || !spool.flush()) state.SkipWithError(spool.failure().c_str());
      state.PauseTiming();
      process += process_seconds() - process_before;
    }
    state.ResumeTiming();
  }
  const auto records = static_cast<double>(state.iterations()) * static_cast<double>(kRecords);
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
  state.counters["thread_ns"] = thread / records * 1e9;
  state.counters["process_ns"] = process / records * 1e9;
  state.counters["refused"] = static_cast<double>(refused) / records;
}

void read_back(benchmark::State& state) {
  const Place place;
  SpoolOptions options;
  options.directory = place.path();
  Spool spool(options);
  std::uint64_t refused = 0;
  if (!append_records(spool, kRecords, refused) || !spool.flush()) {
    state.SkipWithError(spool.failure().c_str());
    return;
  }
  double thread = 0;
  for (auto _ : state) {
    const double before = thread_seconds();
    std::vector<Spool::Stored> records;
    for (std::uint64_t next = 0; next < kRecords; next = records.back().number + 1) {
      records.clear();
      if (spool.read(next, 5000, 1 << 20, records) == 0) {
        state.SkipWithError("records are missing");
        return;
      }
    }
    thread += thread_seconds() - before;
  }
  const auto records = static_cast<double>(state.iterations()) * static_cast<double>(kRecords);
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
  state.counters["thread_ns"] = state.counters["process_ns"] = thread / records * 1e9;
}

BENCHMARK_CAPTURE(append, io_uring, SpoolEngine::kAuto)->UseRealTime();
BENCHMARK_CAPTURE(append, thread, SpoolEngine::kThread)->UseRealTime();
BENCHMARK(read_back)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
