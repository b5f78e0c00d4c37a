#include "app/cpu_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "app/standard_output.h"
#include "pipeline/simd/instruction_set.h"

namespace hopscope::app {
namespace {

int run() {
  const auto best = pipeline::best_instruction_set();
  const auto used = pipeline::trusted_instruction_set();
  std::string text = fmt::format("instruction set  {}\n", label(used));
  if (used != best) {
    text += fmt::format(
        "not used         {}: its results for test stacks differ from scalar code\n", label(best));
  }
  text += fmt::format("CPUs             {}\n", sysconf(_SC_NPROCESSORS_ONLN));
  return finish_output(write_output(text));
}

}  // namespace

void add_cpu_command(CLI::App& app, int& status) {
  CLI::App* command =
      app.add_subcommand("cpu", "Show which instruction set the hot path uses on this machine");
  command->callback([&status] { status = run(); });
}

}  // namespace hopscope::app
