#pragma once
// A record as a spool gives it back.

#include <cstdint>
#include <string>

namespace hopscope::exporter {

struct SpoolRecord {
  std::uint64_t number = 0;
  std::int64_t time_ns = 0;
  std::string record;
};

}  // namespace hopscope::exporter
