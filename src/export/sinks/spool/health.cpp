#include "export/sinks/spool/health.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

namespace hopscope::exporter {

SpoolHealth::SpoolHealth(std::string directory, std::int64_t pause_ns)
    : directory_(std::move(directory)), pause_ns_(pause_ns) {}

std::string SpoolHealth::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void SpoolHealth::fail(std::string_view what, std::string_view file, int error,
                       std::int64_t now_ns) noexcept {
  failed_at_ns_ = now_ns;
  failing_ = true;
  const std::lock_guard lock(mutex_);
  failure_ = fmt::format("cannot {} {}/{}: {}", what, directory_, file, std::strerror(error));
}

void SpoolHealth::recover() noexcept {
  failing_ = false;
  const std::lock_guard lock(mutex_);
  failure_.clear();
}

bool SpoolHealth::may_try(std::int64_t now_ns) const noexcept {
  // A clock that was set back must not make the pause longer.
  return !is_failing() || failed_at_ns_ == INT64_MIN || now_ns < failed_at_ns_ ||
         now_ns - failed_at_ns_ >= pause_ns_;
}

}  // namespace hopscope::exporter
