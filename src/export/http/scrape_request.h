#pragma once
// The seam between the HTTP server and what answers /metrics: the parts of a request that matter,
// and a response that is begun once and then written piece by piece.

#include <chrono>
#include <string>
#include <string_view>

namespace hopscope::exporter {

/// Headers as they came, empty where the client sent none.
struct ScrapeRequest {
  std::string query{};  ///< behind the "?", still encoded
  std::string accept{};
  std::string accept_encoding{};
  std::string scrape_timeout{};  ///< X-Prometheus-Scrape-Timeout-Seconds
  bool head_only = false;        ///< the client wants no body
};

class ScrapeResponse {
 public:
  ScrapeResponse() = default;
  ScrapeResponse(const ScrapeResponse&) = delete;
  ScrapeResponse& operator=(const ScrapeResponse&) = delete;
  virtual ~ScrapeResponse() = default;

  /// No write() waits for the client beyond then, counted from now; before begin().
  virtual void limit(std::chrono::nanoseconds /*time*/) {}
  /// Status line and headers; before any write(). `encoding` is empty or "gzip".
  virtual bool begin(int status, std::string_view content_type, std::string_view encoding) = 0;
  /// False: the client is gone.
  virtual bool write(std::string_view piece) = 0;
  /// The answer is whole. Without it the connection is closed in the middle of the body, which a
  /// client sees as a failure.
  virtual void finish() = 0;
};

}  // namespace hopscope::exporter
