#pragma once
// One sink with all that it needs: a queue of records (memory and, where there is one, the spool)
// and a thread that delivers them in order, at least once. A sink that hangs, refuses or is gone
// disturbs nothing else.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "export/sinks/delivery/counts.h"
#include "export/sinks/delivery/delivery_thread.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/delivery/record_queue.h"
#include "export/sinks/delivery/sink.h"

namespace hopscope::exporter {

class Delivery {
 public:
  using Warn = DeliveryThread::Warn;

  /// Opens the spool. Throws SetupError.
  Delivery(std::string name, std::unique_ptr<Sink> sink, const DeliveryOptions& options, Warn warn);
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery();

  void start();
  /// Delivers what is left for at most stop_timeout_s; then what is not on the disk is dropped, and
  /// counted. The same happens to what stop() finds undelivered before start().
  void stop();

  /// Makes records of the item and lets them wait. Never waits itself. Any thread.
  void offer(const Item& item, std::int64_t now_ns) { queue_.offer(item, now_ns); }
  /// The same for many, under one lock.
  void offer(std::span<const pipeline::Event> events, std::int64_t now_ns) {
    queue_.offer(events, now_ns);
  }
  void end_of_rows(std::int64_t now_ns) { queue_.end_of_rows(now_ns); }
  [[nodiscard]] bool wants_flows() const noexcept { return sink_->wants_flows(); }
  /// For those who can wait: returns when half of the memory is free, or the spool is not behind,
  /// or nothing has moved for `patience`.
  void wait_for_room(std::chrono::milliseconds patience) { queue_.wait_for_room(patience); }

  /// Opens files again before the next batch.
  void reopen() { queue_.request_reopen(); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept { return sink_->kind(); }
  [[nodiscard]] DeliveryCounts counts() const;
  /// The last complaint of the other side, or what is wrong with the disk; empty: all is well.
  [[nodiscard]] std::string trouble() const { return queue_.trouble(); }

 private:
  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  RecordQueue queue_;
  DeliveryThread thread_;
};

}  // namespace hopscope::exporter
