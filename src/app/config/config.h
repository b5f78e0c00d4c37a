#pragma once
// The whole configuration as plain structs, each defined by the part that uses it. Loaded from
// YAML, checked as a whole, never changed after start.

#include <string>
#include <vector>

#include "export/options.h"
#include "io/options.h"
#include "pipeline/decode/decode_config.h"
#include "pipeline/events/options.h"

namespace hopscope::app {

struct LogOptions {
  std::string level = "info";  ///< trace, debug, info, warn, error, off
};

struct Config {
  io::ReceiveOptions receive;
  std::vector<io::WorkerOptions> workers{{.queue = 0, .cpu = -1}};
  pipeline::DecodeConfig decode;
  pipeline::TableOptions tables;
  pipeline::EventOptions events;
  pipeline::SwitchOptions switches;
  pipeline::QueueOptions queues;
  exporter::ExportOptions exports;
  LogOptions log;
};

}  // namespace hopscope::app
