#include "export/sinks/delivery/delivery.h"

#include <fmt/format.h>

#include <utility>

namespace hopscope::exporter {

Delivery::Delivery(std::string name, std::unique_ptr<Sink> sink, const DeliveryOptions& options,
                   Warn warn)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      queue_(*sink_, options),
      thread_(name_, *sink_, queue_, options, warn) {
  const std::uint64_t damaged = queue_.damaged_bytes();
  if (warn && damaged > 0) {
    warn(fmt::format("sink {}: {} bytes of the spool are no whole records and cannot be delivered",
                     name_, damaged));
  }
}

Delivery::~Delivery() {
  stop();
}

void Delivery::start() {
  thread_.start();
}

void Delivery::stop() {
  queue_.begin_stop();
  if (thread_.is_started()) {
    queue_.wait_for_finish();
    sink_->hurry();
    thread_.join();
  }
  queue_.close(thread_.take_undelivered());
}

DeliveryCounts Delivery::counts() const {
  DeliveryCounts counts = queue_.counts();
  counts.spool_kept = thread_.held();
  return counts;
}

}  // namespace hopscope::exporter
