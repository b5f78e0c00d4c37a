#pragma once
// How long to wait before the next attempt: doubling from the first to the most, each time between
// half of it and all of it by chance, so that many senders do not come back at once.

#include <algorithm>
#include <chrono>
#include <random>

namespace hopscope::exporter {

class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration first, Duration most)
      : first_(first), most_(most), next_(first), random_(std::random_device{}()) {}

  [[nodiscard]] Duration next() {
    const Duration whole = next_;
    next_ = std::min(most_, next_ * 2);
    return Duration(
        std::uniform_int_distribution<Duration::rep>(whole.count() / 2, whole.count())(random_));
  }
  void reset() noexcept { next_ = first_; }

 private:
  Duration first_;
  Duration most_;
  Duration next_;
  std::minstd_rand random_;
};

}  // namespace hopscope::exporter
