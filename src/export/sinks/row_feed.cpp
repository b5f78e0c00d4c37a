#include "export/sinks/row_feed.h"

#include <pthread.h>

#include <chrono>
#include <utility>

#include "base/wall_clock.h"

namespace hopscope::exporter {
namespace {

/// Without rows.
constexpr double kLookAfterS = 10;

}  // namespace

RowFeed::RowFeed(double interval_s, const pipeline::TableView& tables, ForEachSink sinks)
    : interval_s_(interval_s), tables_(tables), sinks_(std::move(sinks)) {}

void RowFeed::start() {
  thread_ = std::thread([this] { run(); });
}

void RowFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RowFeed::run() {
  pthread_setname_np(pthread_self(), "rows");
  using Clock = std::chrono::steady_clock;
  const auto interval = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(interval_s_ > 0 ? interval_s_ : kLookAfterS));
  auto next = Clock::now() + interval;
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (wake_.wait_until(lock, next, [this] { return is_stopping_; })) return;
    lock.unlock();
    tell();
    lock.lock();
    // What took longer than the interval is not made up for.
    next = std::max(next + interval, Clock::now());
  }
}

void RowFeed::tell() const {
  const std::int64_t now_ns = wall_ns();
  if (interval_s_ > 0) tell_rows(now_ns);
  sinks_([&](Delivery& sink) { sink.end_of_rows(now_ns); });
}

void RowFeed::tell_rows(std::int64_t now_ns) const {
  const auto tell = [&](const auto& row) {
    sinks_([&](Delivery& sink) { sink.offer(&row, now_ns); });
  };
  tables_.for_each_port(tell);
  tables_.for_each_switch(tell);
  tables_.for_each_drop(tell);
  tables_.for_each_sequence(tell);
  tables_.for_each_link(tell);
  tables_.for_each_format(tell);
  tell_flows(now_ns);
}

void RowFeed::tell_flows(std::int64_t now_ns) const {
  bool is_wanted = false;
  sinks_([&](const Delivery& sink) { is_wanted = is_wanted || sink.wants_flows(); });
  if (!is_wanted) return;
  tables_.for_each_flow([&](const pipeline::FlowSnapshot& flow) {
    sinks_([&](Delivery& sink) {
      if (sink.wants_flows()) sink.offer(&flow, now_ns);
    });
  });
}

}  // namespace hopscope::exporter
