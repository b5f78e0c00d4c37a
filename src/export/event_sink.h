#pragma once
// Where events go. A sink takes batches on the exporter thread and counts what it could not write;
// it never throws after it is open and never blocks longer than a write does.

#include <cstdint>
#include <span>
#include <string>

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
  /// Opens its file anew, after somebody moved it away. Exporter thread.
  virtual void reopen() {}
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
  void reopen() override;
  [[nodiscard]] std::string name() const override { return "ndjson"; }

 private:
  [[nodiscard]] bool open_file() noexcept;
  [[nodiscard]] bool write_all(const std::string& text) noexcept;

  const std::string path_;
  const Names& names_;
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace hopscope::exporter
