#include "export/http/scrape_slots.h"

#include <algorithm>

namespace hopscope::exporter {
namespace {

using std::chrono::milliseconds;

/// A client that reads takes something far more often.
constexpr milliseconds kStalled(1000);
/// Bytes per second; at that rate no answer worth a wait is through before its scraper's time is.
constexpr double kSlowest = 64 * 1024;
/// Whether one has become slow meanwhile, or the one that was given up has noticed.
constexpr milliseconds kLook(100);

/// Bytes per second of a client that has been waited for long enough to tell.
double rate_of(const HttpExchange& scrape) {
  const std::chrono::duration<double> waited = scrape.waited();
  return static_cast<double>(scrape.taken()) / waited.count();
}

bool gives_way(const HttpExchange& scrape) {
  if (scrape.stalled() >= kStalled) return true;
  return scrape.waited() >= kStalled && rate_of(scrape) < kSlowest;
}

}  // namespace

void ScrapeSlots::give_up_slowest() {
  HttpExchange* slowest = nullptr;
  for (HttpExchange* const scrape : scrapes_) {
    if (scrape->is_aborted()) return;  // on its way out
    if (!gives_way(*scrape)) continue;
    if (slowest == nullptr || rate_of(*scrape) < rate_of(*slowest)) slowest = scrape;
  }
  if (slowest == nullptr) return;
  counters_.refused(HttpRefusal::kStalled);
  slowest->abort();
}

bool ScrapeSlots::enter(HttpExchange& scrape) {
  std::unique_lock lock(mutex_);
  // The place that is free next is that of the one that waits.
  if (scrapes_.size() + (somebody_waits_ ? 1 : 0) >= most_) {
    // One waits at a time, or the threads that are kept for other pages would all wait here.
    if (somebody_waits_) return false;
    somebody_waits_ = true;
    const auto until = HttpClock::now() + kPatience;
    while (scrapes_.size() >= most_ && HttpClock::now() < until) {
      give_up_slowest();
      left_.wait_for(lock, kLook);
    }
    somebody_waits_ = false;
    if (scrapes_.size() >= most_) return false;
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
