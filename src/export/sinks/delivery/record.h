#pragma once
// What travels to a sink: bytes that the sink made itself, so that memory, spool and retries need
// not know what is in them.

#include <cstdint>
#include <string>

namespace hopscope::exporter {

struct Record {
  std::uint64_t number = 0;  ///< ascends by one from record to record
  std::int64_t time_ns = 0;  ///< when it was made, ns since 1970
  std::string bytes;
  bool is_on_disk = false;  ///< the spool has it too
};

}  // namespace hopscope::exporter
