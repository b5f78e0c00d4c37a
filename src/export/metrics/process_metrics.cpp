#include "export/metrics/process_metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "export/metrics/collected_families.h"
#include "export/names/families.h"

#ifndef HOPSCOPE_VERSION
#define HOPSCOPE_VERSION "unknown"
#endif

namespace hopscope::exporter {
namespace {

/// Fields of /proc/self/stat after the name, which may hold spaces.
std::vector<std::string> process_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end_of_name = line.rfind(')');
  std::vector<std::string> fields;
  if (end_of_name == std::string::npos) return fields;
  std::istringstream rest(line.substr(end_of_name + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

double boot_time_s() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("btime ", 0) == 0) return std::stod(line.substr(6));
  }
  return 0;
}

void add_process(CollectedFamilies& out) {
  const std::vector<std::string> fields = process_fields();
  if (fields.size() > 21) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    out.add(families::kProcessResidentMemoryBytes, {},
            std::stod(fields[21]) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    out.add(families::kProcessStartTimeSeconds, {}, boot_time_s() + std::stod(fields[19]) / ticks);
    out.add(families::kProcessVirtualMemoryBytes, {}, std::stod(fields[20]));
    const double cpu_s = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
    out.add(families::kProcessCpuSeconds, {}, cpu_s);
  }
  double open_fds = 0;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (readdir(directory) != nullptr) ++open_fds;
    closedir(directory);
    open_fds -= 3;  // ".", ".." and the directory itself
  }
  out.add(families::kProcessOpenFds, {}, open_fds);
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  CollectedFamilies out;
  out.add(families::kBuildInfo, {{"version", HOPSCOPE_VERSION}, {"compiler", __VERSION__}}, 1);
  add_process(out);
  return out.take();
}

}  // namespace hopscope::exporter
