// ns per report without receiving: the checked decoder, the stages of the fast path, the whole
// pipeline on one thread, and the same work with maps of a library. bench/run prints it as tables.
//
//   bench_pipeline [--quick] [options of Google Benchmark]

#include <string_view>

#include "cases.h"

namespace hopscope::bench {

std::string suffix_of(const TrafficOptions& traffic) {
  const unsigned words = !traffic.all_fields                   ? 4
                         : traffic.format == Format::kReport05 ? 8
                         : traffic.format == Format::kWide     ? 11
                                                               : 9;
  std::string name = "/hops:" + std::to_string(traffic.hops) + "/fields:" + std::to_string(words) +
                     "/flows:" + std::to_string(traffic.flows);
  if (traffic.format != Format::kPlain) name += std::string("/format:") + label(traffic.format);
  if (traffic.events != TrafficOptions{}.events) {
    name += "/events:" + std::to_string(static_cast<int>(traffic.events * 100));
  }
  if (traffic.zipf) name += "/choice:zipf";
  return name;
}

}  // namespace hopscope::bench

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--quick") {
    hopscope::bench::timed_reports = 1 << 15;
    argv[1] = argv[0];
    ++argv;
    --argc;
  }
  hopscope::bench::add_decode_cases();
  hopscope::bench::add_stage_cases();
  hopscope::bench::add_pipeline_cases();
  hopscope::bench::add_map_cases();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
