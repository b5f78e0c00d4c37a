#pragma once
// Where events go. A sink takes batches on the exporter thread and counts what it could not write;
// it never throws after it is open and never blocks longer than a write does.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "export/names.h"
#include "io/counter.h"
#include "pipeline/event.h"

namespace hopscope::exporter {

class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  virtual void write(std::span<const pipeline::Event> events) = 0;
  /// Opens its file anew, after somebody moved it away. Exporter thread. Returns what went wrong;
  /// then the old file goes on.
  virtual std::string reopen() { return ""; }
  /// The end is near: from now on no waiting for a slow reader. Any thread.
  virtual void hurry() noexcept {}
  [[nodiscard]] virtual std::string name() const = 0;

  [[nodiscard]] std::uint64_t written() const noexcept { return written_.get(); }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_.get(); }

 protected:
  io::Counter written_;
  io::Counter failed_;
};

/// Appends one JSON object without line feed.
void append_event_json(std::string& to, const pipeline::Event& event, const Names& names);

/// NDJSON into a file (appended to) or the standard output ("-").
class NdjsonSink final : public EventSink {
 public:
  /// Throws io::SetupError.
  NdjsonSink(std::string path, const Names& names);
  ~NdjsonSink() override;

  void write(std::span<const pipeline::Event> events) override;
  std::string reopen() override;
  void hurry() noexcept override { hurry_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] std::string name() const override { return "ndjson"; }

 private:
  [[nodiscard]] bool open_file() noexcept;
  [[nodiscard]] bool wait_for_room() noexcept;
  /// Returns how many bytes were written before something went wrong.
  [[nodiscard]] std::size_t write_some(std::string_view text) noexcept;

  const std::string path_;
  const Names& names_;
  int fd_ = -1;
  bool is_file_ = true;       ///< else a pipe or a terminal, which may have a slow reader
  bool broken_line_ = false;  ///< the newest write ended inside a line
  bool given_up_ = false;
  std::atomic<bool> hurry_{false};
  std::optional<std::chrono::steady_clock::time_point> deadline_;  ///< since it is to hurry
  std::string buffer_;
};

}  // namespace hopscope::exporter
