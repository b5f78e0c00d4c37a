#include "export/scrape_slots.h"

#include <algorithm>

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// A client that reads takes something far more often.
constexpr milliseconds kStalled(1000);
/// For the one that was given up to notice.
constexpr milliseconds kPatience(500);

}  // namespace

bool ScrapeSlots::enter(HttpExchange& scrape) {
  std::unique_lock lock(mutex_);
  if (scrapes_.size() >= most_) {
    // One waits at a time, or the threads that are kept for other pages would all wait here.
    if (somebody_waits_) return false;
    const auto longest = std::max_element(
        scrapes_.begin(), scrapes_.end(),
        [](const HttpExchange* a, const HttpExchange* b) { return a->stalled() < b->stalled(); });
    if (longest == scrapes_.end() || (*longest)->stalled() < kStalled) return false;
    counters_.refused(HttpRefusal::kStalled);
    (*longest)->abort();
    somebody_waits_ = true;
    const bool free = left_.wait_for(lock, kPatience, [this] { return scrapes_.size() < most_; });
    somebody_waits_ = false;
    if (!free) return false;
  }
  scrapes_.push_back(&scrape);
  return true;
}

void ScrapeSlots::leave(const HttpExchange& scrape) {
  const std::lock_guard lock(mutex_);
  scrapes_.erase(std::find(scrapes_.begin(), scrapes_.end(), &scrape));
  left_.notify_one();
}

}  // namespace hopscope::exporter
