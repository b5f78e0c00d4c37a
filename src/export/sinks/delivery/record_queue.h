#pragma once
// The producers' side of a delivery: makes records and keeps them, in memory and, where there is a
// spool, on the disk, until the delivery thread takes them; counts what becomes of all of them.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/sinks/delivery/counts.h"
#include "export/sinks/delivery/options.h"
#include "export/sinks/delivery/replay_rate.h"
#include "export/sinks/delivery/sink.h"
#include "export/sinks/spool/spool.h"

namespace hopscope::exporter {

class RecordQueue {
 public:
  using Clock = std::chrono::steady_clock;

  /// Opens the spool. Throws SetupError. `sink` must outlive it.
  RecordQueue(Sink& sink, const DeliveryOptions& options);
  RecordQueue(const RecordQueue&) = delete;
  RecordQueue& operator=(const RecordQueue&) = delete;

  // Any thread.

  /// Makes records of the item and keeps them. Never waits for the disk or the sink.
  void offer(const Item& item, std::int64_t now_ns);
  /// The same for many, under one lock.
  void offer(std::span<const pipeline::Event> events, std::int64_t now_ns);
  void end_of_rows(std::int64_t now_ns);
  /// See Delivery::wait_for_room().
  void wait_for_room(std::chrono::milliseconds patience);
  void request_reopen();
  /// All but spool_kept.
  [[nodiscard]] DeliveryCounts counts() const;
  [[nodiscard]] std::string trouble() const;

  // The thread that stops the delivery.

  /// From now on the delivery thread has `stop_timeout_s` left.
  void begin_stop();
  /// Returns when the delivery thread has called finish(), or its time is over.
  void wait_for_finish();
  /// After the delivery thread ended: what is not on the disk is dropped and counted. `batch`: the
  /// records that the thread had taken and not settled.
  void close(const std::vector<Record>& batch);

  // The delivery thread.

  enum class State : std::uint8_t {
    kOpen,
    kWantsReopen,
    kEnded,  ///< stopping, and nothing is left or the time is over
  };
  /// `has_more`: the thread itself still has records to deliver.
  [[nodiscard]] State poll(bool has_more);
  /// Whether a batch is ready. If not, waits until one may be.
  [[nodiscard]] bool wait_for_batch();
  void wait_for_tick();
  /// Moves the oldest records of the memory to `batch`, which is empty.
  void take_batch(std::vector<Record>& batch);
  /// Brings records that are on the disk only into memory, as far as `rate` allows. May wait for
  /// the disk, without the lock.
  void refill(ReplayRate& rate);
  /// Appends to `batch` records of [from, end) that were delivered before and are in the spool
  /// still. Likewise. False: none of them is there any more.
  [[nodiscard]] bool read_delivered(std::uint64_t from, std::uint64_t end, ReplayRate& rate,
                                    std::vector<Record>& batch);

  /// What became of records of a batch.
  struct Settled {
    std::uint64_t delivered = 0;
    std::uint64_t refused = 0;
    std::uint64_t sent_again = 0;
    std::uint64_t bytes = 0;    ///< of those that were delivered
    std::uint64_t batches = 0;  ///< that were delivered
    std::uint64_t left = 0;     ///< of the batch, to be delivered for the first time
    std::string trouble{};      ///< what the other side said against some of them
  };
  void settle(const Settled& settled);
  /// The batch was not delivered and is tried again.
  void count_retry(const std::string& trouble);
  /// Waits before the next attempt, but not past the end, nor where a reopen is wanted.
  void pause(std::chrono::milliseconds duration);
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool take_reopen_request();
  /// All records with lower numbers may leave the spool.
  void acknowledge(std::uint64_t below) noexcept;
  void finish();

  // At start.

  [[nodiscard]] bool has_spool() const noexcept { return spool_ != nullptr; }
  /// The lowest number that is not acknowledged.
  [[nodiscard]] std::uint64_t first() const { return spool_ ? spool_->first() : 0; }
  /// Of the spool, found at start: bytes that are no whole records.
  [[nodiscard]] std::uint64_t damaged_bytes() const;

 private:
  void add_made(std::int64_t now_ns);
  void add(std::string_view record, std::int64_t now_ns);
  [[nodiscard]] bool keep_on_disk(std::string_view record, std::int64_t now_ns);
  void push(Record record);
  Record pop();
  void make_room(std::size_t bytes);
  void drop(DropReason reason, std::uint64_t records);
  void tick_spool();
  void settle_removed();
  void lose_until(std::uint64_t number);
  [[nodiscard]] bool is_batch_ready(Clock::time_point now) const;
  [[nodiscard]] bool has_backlog() const noexcept { return disk_from_ < next_; }
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] std::uint64_t waiting() const;

  Sink& sink_;
  const DeliveryOptions options_;
  const std::unique_ptr<Spool> spool_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;   ///< the delivery thread
  std::condition_variable moved_;  ///< records left the window, or the thread is finished
  std::string made_;               ///< records that are being made
  /// Records waiting in memory, oldest first. Those after them, if any, are on the disk only:
  /// [disk_from_, next_). Numbers are given to records that are kept, without gaps.
  std::deque<Record> window_;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t disk_from_ = 0;
  Spool::Removed removed_;          ///< by the limits, not yet counted
  bool is_reading_back_ = false;    ///< records from disk_from_ on, without the lock
  std::uint64_t in_batch_ = 0;      ///< taken, not settled
  std::uint64_t live_on_disk_ = 0;  ///< records that went to the disk only since the last refill
  std::optional<std::uint64_t> no_room_at_;       ///< delivered records when patience ended
  std::optional<Clock::time_point> waits_since_;  ///< the oldest of the window
  DeliveryCounts counts_;
  bool is_trying_again_ = false;
  bool has_dropped_ = false;
  bool is_stopping_ = false;
  bool wants_reopen_ = false;
  bool has_tried_at_end_ = false;
  bool is_finished_ = false;  ///< the thread has nothing more to do
  std::uint64_t kept_ = 0;    ///< on the disk when the end came
  Clock::time_point stop_by_{};
  std::string trouble_;
};

}  // namespace hopscope::exporter
