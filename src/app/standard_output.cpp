#include "app/standard_output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace hopscope::app {

bool write_output(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

int finish_output(bool written) {
  if (std::fflush(stdout) == 0 && written) return 0;
  fmt::print(stderr, "hopscope: the standard output could not be written: {}\n",
             std::strerror(errno));
  return 1;
}

}  // namespace hopscope::app
