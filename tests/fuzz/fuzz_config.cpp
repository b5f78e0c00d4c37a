// Any text as a configuration: mistakes are found, nothing is thrown, and what is accepted can be
// written and read again.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "app/config/check.h"
#include "app/config/dump.h"
#include "app/config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace app = hopscope::app;
  app::LoadedConfig loaded =
      app::read_config(std::string(reinterpret_cast<const char*>(data), size));
  if (!loaded.mistakes.empty()) return 0;
  app::check_config(loaded, app::Use::kOffline);
  if (!loaded.mistakes.empty()) return 0;
  const std::string dumped = app::dump_yaml(loaded.config, false);
  const app::LoadedConfig again = app::read_config(dumped);
  if (!again.mistakes.empty() || app::dump_yaml(again.config, false) != dumped) {
    std::fprintf(stderr, "does not load to the same:\n%s\n", dumped.c_str());
    std::abort();
  }
  return 0;
}
