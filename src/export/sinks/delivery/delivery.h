#pragma once
// One sink with all that stands in front of it: records are made by whoever has items, wait in
// memory and, where there is a spool, on the disk, and are delivered in order by a thread of the
// sink's own, at least once. A sink that hangs, refuses or is gone is nobody else's concern.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "export/sinks/delivery/backoff.h"
#include "export/sinks/delivery/counts.h"
#include "export/sinks/delivery/held_records.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/delivery/sink.h"
#include "export/sinks/spool/spool.h"

namespace hopscope::exporter {

class Delivery {
 public:
  /// Told in words what happens to the sink, seldom. Any thread.
  using Warn = std::function<void(const std::string&)>;

  /// Opens the spool. Throws SetupError.
  Delivery(std::string name, std::unique_ptr<Sink> sink, const DeliveryOptions& options, Warn warn);
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery();

  void start();
  /// Delivers what is left for at most stop_timeout_s; then what is not on the disk is dropped, and
  /// counted. What stop() finds undelivered before start() goes the same way.
  void stop();

  /// Makes records of the item and lets them wait. Never waits itself. Any thread.
  void offer(const Item& item, std::int64_t now_ns);
  /// The same for many, under one lock.
  void offer(std::span<const pipeline::Event> events, std::int64_t now_ns);
  void end_of_rows(std::int64_t now_ns);
  [[nodiscard]] bool wants_flows() const noexcept { return sink_->wants_flows(); }
  /// For those who can wait: returns when half of the memory is free, or the spool is not behind,
  /// or nothing has moved for `patience`.
  void wait_for_room(std::chrono::milliseconds patience);

  /// Opens files anew before the next batch.
  void reopen();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string_view kind() const noexcept { return sink_->kind(); }
  [[nodiscard]] DeliveryCounts counts() const;
  /// What the other side said last that was no yes, or what ails the disk; empty: all is well.
  [[nodiscard]] std::string trouble() const;

 private:
  using Clock = std::chrono::steady_clock;

  void add_made(std::int64_t now_ns);
  void add(std::string_view record, std::int64_t now_ns);
  void drop(DropReason reason, std::uint64_t records);
  void tick_spool();
  void settle_removed();
  void lose_until(std::uint64_t number);
  [[nodiscard]] bool keep_on_disk(std::string_view record, std::int64_t now_ns);
  void make_room(std::size_t bytes);

  void run();
  void reopen_if_asked();
  [[nodiscard]] bool wait_for_batch();
  [[nodiscard]] bool is_batch_ready(Clock::time_point now) const;
  [[nodiscard]] bool has_backlog() const noexcept { return disk_from_ < next_; }
  void refill();
  void look_after_held();
  [[nodiscard]] bool take_batch_again();
  [[nodiscard]] std::size_t allowed_from_spool();
  void take_batch();
  void deliver_batch();
  void settle(const Outcome& outcome, std::size_t count);
  void settle_delivered(std::size_t count, std::uint64_t refused, const std::string& detail);
  void refuse(std::size_t count, const std::string& detail);
  void try_again(const Outcome& outcome);
  void settle_again(std::size_t count, const std::string& refusal);
  void done(std::size_t count);
  void pause(std::chrono::milliseconds duration);
  void give_up();
  [[nodiscard]] bool is_over() const;
  void say(const std::string& what, Clock::time_point& said_at);

  const std::string name_;
  const std::unique_ptr<Sink> sink_;
  const DeliveryOptions options_;
  const Warn warn_;
  std::unique_ptr<Spool> spool_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable moved_;  ///< records left the window, or the thread is finished
  std::string made_;               ///< records that are being made
  /// Records waiting in memory, oldest first. Those behind them, if any, are on the disk only:
  /// [disk_from_, next_). Numbers are given to records that are kept, without gaps.
  std::deque<Record> window_;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t disk_from_ = 0;
  Spool::Removed removed_;        ///< by the caps, not yet settled
  bool is_reading_back_ = false;  ///< records from disk_from_ on, without the lock
  std::uint64_t in_batch_ = 0;
  std::uint64_t live_on_disk_ = 0;  ///< records that went to the disk only since the last refill
  std::optional<std::uint64_t> waited_in_vain_at_;  ///< delivered records when patience ended
  std::optional<Clock::time_point> waits_since_;    ///< the oldest of the window
  DeliveryCounts counts_;
  bool is_trying_again_ = false;
  bool has_dropped_ = false;
  bool is_stopping_ = false;
  bool wants_reopen_ = false;
  bool is_finished_ = false;  ///< the thread has nothing more to do
  std::uint64_t kept_ = 0;    ///< on the disk when the end came
  HeldRecords held_;          ///< delivered, on the disk still
  Clock::time_point stop_by_{};
  std::string trouble_;

  // Of the delivery's thread.
  std::vector<Record> batch_;         ///< numbers ascend
  std::uint64_t batch_from_ = 0;      ///< every number between this and its first one is settled
  bool is_batch_sent_again_ = false;  ///< it was delivered before
  std::size_t most_ = 0;              ///< records of the batch that go at a time
  Backoff backoff_;
  double allowance_ = 0;  ///< records that may be read from the spool now
  Clock::time_point allowed_at_;
  Clock::time_point tries_said_at_{};
  Clock::time_point refusals_said_at_{};
  bool has_tried_at_end_ = false;
  std::thread thread_;
};

}  // namespace hopscope::exporter
