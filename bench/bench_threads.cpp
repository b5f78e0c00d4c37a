// Throughput of whole workers on threads of their own: two against one, and one while the tables
// are read from another CPU. What is compared takes turns. Prints a JSON object.
//
//   bench_threads [scaling] [scrape] [--rounds N] [--ms N] [--flows N]

#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "export/metrics/encoding/text_encoder.h"
#include "export/metrics/table_exposition.h"
#include "export/names/names.h"
#include "running_engine.h"
#include "scrape_storm.h"

namespace hopscope::bench {
namespace {

using std::chrono::milliseconds;

constexpr int kNotHere = 77;  ///< this machine cannot do it

/// How often and how long, and with how many flows at the most.
struct Times {
  int rounds = 7;
  milliseconds each{500};
  std::uint32_t most_flows = 1'000'000;
};

void use_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    std::perror("sched_setaffinity");
    std::exit(kNotHere);
  }
}

void rest() {
  std::this_thread::sleep_for(milliseconds(5));
}

/// One worker, two that have flows of their own, two that have flows of both, and two engines of
/// one worker and half of the flows each, which share nothing: what the machine itself makes of two
/// busy CPUs. Reports taken per second, in each round, and which share of the frames found no room
/// in the other's queue.
nlohmann::json scaling(const Times& times) {
  nlohmann::json all = nlohmann::json::array();
  for (const std::uint32_t flows : {1'000U, 100'000U, 1'000'000U}) {
    if (flows > times.most_flows) continue;
    const TrafficOptions traffic{.flows = flows};
    nlohmann::json rates, lost;
    for (int round = 0; round < times.rounds; ++round) {
      const auto measure = [&](const char* name, unsigned workers, Flows whose) {
        RunningEngine running(traffic, workers, whose);
        running.start();
        rates[name].push_back(running.rate(times.each, rest));
        const pipeline::CounterSnapshot counted = running.engine().total();
        lost[name] = static_cast<double>(counted.handoff_dropped) / double(counted.frames);
      };
      measure("one", 1, Flows::kAny);
      measure("two", 2, Flows::kOwn);
      measure("two_half_foreign", 2, Flows::kAny);
      const TrafficOptions half{.flows = flows / 2};
      RunningEngine one(half, 1, Flows::kAny, 0);
      RunningEngine other(half, 1, Flows::kAny, 1);
      one.start();
      other.start();
      rates["two_engines"].push_back(RunningEngine::rate_of({&one, &other}, times.each, rest));
      lost["two_engines"] = 0;
    }
    all.push_back({{"flows", flows}, {"rates", rates}, {"lost", lost}});
  }
  return all;
}

std::uint64_t scrape(const pipeline::Engine& engine, const exporter::Names& names,
                     std::uint64_t& bytes) {
  exporter::FlowSeriesOptions options;
  options.series = exporter::FlowSeries::kAll;
  exporter::TableExposition tables(options, names);
  exporter::TextEncoder encoder(exporter::TextFormat::kPrometheus, [&](std::string_view part) {
    bytes += part.size();
    return true;
  });
  const exporter::ScrapeView everything;
  exporter::SeriesWriter out(encoder, everything, std::numeric_limits<std::uint64_t>::max());
  tables.write(engine, out);
  out.finish();
  std::uint64_t series = 0;
  for (const auto& count : out.counts()) series += count.series;
  return series;
}

/// One worker on CPU 0, alone and with a reader on CPU 1: of its tables, and of others like them,
/// which shows what two busy CPUs cost each other whatever they share in the program.
nlohmann::json beside(const Times& times, const char* name, std::uint32_t flows,
                      const std::function<std::uint64_t(const pipeline::Engine&)>& read) {
  const TrafficOptions traffic{.flows = std::min(flows, times.most_flows)};
  RunningEngine running(traffic, 1, Flows::kAny);
  RunningEngine elsewhere(traffic, 1, Flows::kAny);  // full of flows, but never started
  running.start();
  nlohmann::json rates;
  std::uint64_t reads = 0;
  std::uint64_t rows = 0;
  double read_s = 0;
  for (int round = 0; round < times.rounds; ++round) {
    rates["alone"].push_back(running.rate(times.each, rest));
    rates["elsewhere"].push_back(running.rate(times.each, [&] { read(elsewhere.engine()); }));
    rates["read"].push_back(running.rate(times.each, [&] {
      const auto start = std::chrono::steady_clock::now();
      rows = read(running.engine());
      read_s += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      ++reads;
    }));
  }
  const auto table = static_cast<std::size_t>(pipeline::Table::kFlowIpv4);
  return {{"what", name},
          {"flows", running.engine().total().entries[table]},
          {"rows", rows},
          {"ms_a_read", read_s * 1e3 / static_cast<double>(reads)},
          {"rates", rates}};
}

/// The same with many scrapers on CPU 1.
nlohmann::json storm(const Times& times, std::uint32_t flows) {
  const TrafficOptions traffic{.flows = std::min(flows, times.most_flows)};
  RunningEngine running(traffic, 1, Flows::kAny);
  RunningEngine elsewhere(traffic, 1, Flows::kAny);
  ScrapeStorm scrapers(running.engine());
  ScrapeStorm others(elsewhere.engine());
  running.start();
  nlohmann::json rates;
  std::chrono::duration<double> stormy{0};
  const auto meanwhile = [&](ScrapeStorm& storm) {
    storm.blow(true);
    const double rate = running.rate(times.each, rest);
    storm.blow(false);
    return rate;
  };
  for (int round = 0; round < times.rounds; ++round) {
    rates["alone"].push_back(running.rate(times.each, rest));
    rates["elsewhere"].push_back(meanwhile(others));
    const auto from = std::chrono::steady_clock::now();
    rates["read"].push_back(meanwhile(scrapers));
    stormy += std::chrono::steady_clock::now() - from;
  }
  const auto table = static_cast<std::size_t>(pipeline::Table::kFlowIpv4);
  const auto scrapes = std::max<std::uint64_t>(1, scrapers.scrapes());
  return {{"what", "storm"},
          {"flows", running.engine().total().entries[table]},
          {"rows", scrapers.lines() / scrapes},
          {"ms_a_read", stormy.count() * 1e3 * ScrapeStorm::kScrapers / double(scrapes)},
          {"rates", rates}};
}

nlohmann::json interference(const Times& times) {
  const exporter::Names names{pipeline::SwitchOptions{}, {}};
  std::uint64_t bytes = 0;
  nlohmann::json all = nlohmann::json::array();
  all.push_back(beside(times, "scrape", 5'000, [&](const pipeline::Engine& engine) {
    return scrape(engine, names, bytes);
  }));
  all.push_back(beside(times, "copy", 1'000'000, [](const pipeline::Engine& engine) {
    std::uint64_t seen = 0;
    engine.for_each_flow([&](const pipeline::FlowSnapshot&) { ++seen; });
    return seen;
  }));
  all.push_back(storm(times, 5'000));
  return all;
}

int run(const std::vector<std::string>& arguments) {
  Times times;
  bool wants_scaling = false;
  bool wants_scrape = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = i + 1 < arguments.size();
    if (arguments[i] == "scaling") {
      wants_scaling = true;
    } else if (arguments[i] == "scrape") {
      wants_scrape = true;
    } else if (arguments[i] == "--rounds" && has_value) {
      times.rounds = std::atoi(arguments[++i].c_str());
    } else if (arguments[i] == "--ms" && has_value) {
      times.each = milliseconds(std::atoi(arguments[++i].c_str()));
    } else if (arguments[i] == "--flows" && has_value) {
      times.most_flows = static_cast<std::uint32_t>(std::atoi(arguments[++i].c_str()));
    } else {
      std::fputs("usage: bench_threads [scaling] [scrape] [--rounds N] [--ms N] [--flows N]\n",
                 stderr);
      return 2;
    }
  }
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
    std::fputs("this needs two CPUs\n", stderr);
    return kNotHere;
  }
  use_cpu(1);
  nlohmann::json answer;
  if (wants_scaling || !wants_scrape) answer["scaling"] = scaling(times);
  if (wants_scrape || !wants_scaling) answer["scrape"] = interference(times);
  std::puts(answer.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace hopscope::bench

int main(int argc, char** argv) {
  return hopscope::bench::run({argv + 1, argv + argc});
}
