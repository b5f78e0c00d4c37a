#pragma once
// Whether the disk takes what it is given, and when to try again. Written by the spool's writer.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace hopscope::exporter {

class SpoolHealth {
 public:
  SpoolHealth(std::string directory, std::int64_t pause_ns);

  [[nodiscard]] bool is_failing() const noexcept { return failing_.load(); }
  /// One line; empty while all is well.
  [[nodiscard]] std::string failure() const;

  /// `error` is an errno; no attempt before a pause.
  void fail(std::string_view what, std::string_view file, int error, std::int64_t now_ns) noexcept;
  void recover() noexcept;
  [[nodiscard]] bool may_try(std::int64_t now_ns) const noexcept;
  void try_now() noexcept { failed_at_ns_ = INT64_MIN; }

 private:
  const std::string directory_;
  const std::int64_t pause_ns_;
  std::int64_t failed_at_ns_ = INT64_MIN;
  std::atomic<bool> failing_{false};
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace hopscope::exporter
