#pragma once
// The consumer's side of a delivery: takes batches from the queue, hands them to the sink, decides
// about retries, and sends again what a store that was killed had accepted.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "export/sinks/delivery/backoff.h"
#include "export/sinks/delivery/held_records.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/delivery/record_queue.h"
#include "export/sinks/delivery/replay_rate.h"
#include "export/sinks/delivery/sink.h"

namespace hopscope::exporter {

class DeliveryThread {
 public:
  /// Gets a line about what happens to the sink, seldom. Any thread.
  using Warn = std::function<void(const std::string&)>;

  /// `sink` and `queue` must outlive it. `name`: of the sink.
  DeliveryThread(std::string name, Sink& sink, RecordQueue& queue, const DeliveryOptions& options,
                 Warn warn);
  DeliveryThread(const DeliveryThread&) = delete;
  DeliveryThread& operator=(const DeliveryThread&) = delete;

  void start();
  [[nodiscard]] bool is_started() const noexcept { return thread_.joinable(); }
  void join();
  /// After join(), or without start(): records of the batch that were never delivered.
  [[nodiscard]] std::vector<Record> take_undelivered();

  /// Delivered records that the spool still has. Any thread.
  [[nodiscard]] std::uint64_t held() const noexcept {
    return held_count_.load(std::memory_order_relaxed);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void reopen_if_asked();
  [[nodiscard]] bool wait_for_batch();
  void check_held();
  void lose_held();
  void release_held(Clock::time_point now);
  [[nodiscard]] bool take_batch_again();
  void take_batch();
  void deliver_batch();
  void settle(const Outcome& outcome, std::size_t count);
  void settle_delivered(std::size_t count, std::uint64_t refused, const std::string& detail);
  void settle_refused(std::size_t count, const std::string& detail);
  void settle_again(std::size_t count, const std::string& refusal);
  void finish_records(std::size_t count, RecordQueue::Settled settled);
  void try_again(const Outcome& outcome);
  void warn(const std::string& what, Clock::time_point& warned_at);

  const std::string name_;
  Sink& sink_;
  RecordQueue& queue_;
  const std::size_t max_batch_records_;
  const Warn warn_;

  std::vector<Record> batch_;         ///< numbers ascend
  std::uint64_t batch_from_ = 0;      ///< every number between this and its first one is settled
  bool is_batch_sent_again_ = false;  ///< it was delivered before
  std::size_t attempt_records_;       ///< records of the batch that are sent at a time
  HeldRecords held_;                  ///< delivered, in the spool still
  std::atomic<std::uint64_t> held_count_{0};
  Backoff backoff_;
  ReplayRate replay_rate_;
  Clock::time_point retry_warned_at_{};
  Clock::time_point refusal_warned_at_{};
  std::thread thread_;
};

}  // namespace hopscope::exporter
