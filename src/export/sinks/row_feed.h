#pragma once
// Tells sinks how things are, again and again, whether or not something happened: so a store knows
// that a value still holds. Flows are told to those sinks only that ask for them, for there may be
// millions; their refresh events come in any case.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "export/sinks/delivery/delivery.h"
#include "pipeline/tables/snapshot.h"

namespace hopscope::exporter {

class RowFeed {
 public:
  using Tell = std::function<void(Delivery&)>;
  /// Calls its argument for each sink.
  using ForEachSink = std::function<void(const Tell&)>;

  RowFeed(double interval_s, const pipeline::TableView& tables, ForEachSink sinks);
  RowFeed(const RowFeed&) = delete;
  RowFeed& operator=(const RowFeed&) = delete;
  ~RowFeed() { stop(); }

  /// A thread that tells all rows every `interval_s`; 0: never, and sinks are just given time to
  /// look after what they remember.
  void start();
  void stop();
  /// The same once, now.
  void tell() const;

 private:
  void run();
  void tell_rows(std::int64_t now_ns) const;
  void tell_flows(std::int64_t now_ns) const;

  const double interval_s_;
  const pipeline::TableView& tables_;
  const ForEachSink sinks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace hopscope::exporter
