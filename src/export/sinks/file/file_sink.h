#pragma once
// Events as NDJSON into a file (appended to), a FIFO, or the standard output ("-").

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "export/names/names.h"
#include "export/sinks/delivery/sink.h"

namespace hopscope::exporter {

class FileSink final : public Sink {
 public:
  /// Throws SetupError.
  FileSink(std::string path, const Names& names);
  ~FileSink() override;

  [[nodiscard]] std::string_view kind() const noexcept override { return "file"; }
  void encode(const Item& item, std::int64_t now_ns, std::string& record) override;
  [[nodiscard]] Outcome deliver(std::span<const Record> batch) override;
  std::string reopen() override;
  void hurry() noexcept override { hurry_.store(true, std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool open_file() noexcept;
  [[nodiscard]] bool wait_for_room() noexcept;
  /// Returns how many bytes were written before something went wrong; then errno says what, 0 that
  /// the reader was too slow.
  [[nodiscard]] std::size_t write_some(std::string_view text) noexcept;

  const std::string path_;
  const Names& names_;
  int fd_ = -1;
  bool is_file_ = true;       ///< else a pipe or a terminal, which may have a slow reader
  bool broken_line_ = false;  ///< the newest write ended inside a line
  std::atomic<bool> hurry_{false};
  std::string buffer_;
};

}  // namespace hopscope::exporter
