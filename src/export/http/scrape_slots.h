#pragma once
// How many scrapes may go on at a time. A scrape whose client does not read, or hardly, gives its
// place to one that comes; a client that does read keeps it.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "export/http/http_exchange.h"

namespace hopscope::exporter {

class ScrapeSlots {
 public:
  ScrapeSlots(std::size_t most, HttpCounters& counters) : most_(most), counters_(counters) {}

  /// Waits for a place for up to kPatience. False: all are taken, by clients that read.
  [[nodiscard]] bool enter(HttpExchange& scrape);
  void leave(const HttpExchange& scrape);

  static constexpr std::chrono::milliseconds kPatience{1500};

 private:
  void give_up_slowest();

  const std::size_t most_;
  HttpCounters& counters_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::vector<HttpExchange*> scrapes_;
  bool somebody_waits_ = false;
};

}  // namespace hopscope::exporter
