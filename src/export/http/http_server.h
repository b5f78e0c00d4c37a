#pragma once
// A small HTTP server for /metrics, /healthz, /readyz, /sources and a landing page. Connections
// wait in front (http_front.h); whole requests are answered by a few threads. These call back; what
// they call must be safe for several at a time.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "export/http/health_check.h"
#include "export/http/http_counters.h"
#include "export/http/http_exchange.h"
#include "export/http/http_front.h"
#include "export/http/http_security.h"
#include "export/http/options.h"
#include "export/http/scrape_request.h"
#include "export/http/scrape_slots.h"

namespace hopscope::exporter {

struct HttpHandlers {
  std::function<void(const ScrapeRequest&, ScrapeResponse&)> metrics;
  std::function<void()> scrape_refused{};  ///< told of a scrape beyond the limit; may be null
  std::function<std::vector<HealthCheck>()> health;
  std::function<std::vector<HealthCheck>()> ready;
  std::function<std::string()> sources;  ///< JSON
};

class HttpServer {
 public:
  /// Reads certificates and secrets, and listens at once. `counters` outlives the server. Throws
  /// SetupError.
  HttpServer(const HttpOptions& options, HttpHandlers handlers, HttpCounters& counters);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Reads certificates and secrets again, for connections and requests to come. Returns what is
  /// wrong, and then everything stays as it was; empty: done. Any thread.
  [[nodiscard]] std::string reload();

 private:
  [[nodiscard]] std::shared_ptr<const HttpSecurity> security() const;
  void queue(std::unique_ptr<HttpConnection> connection);
  void serve();
  void answer(HttpExchange& exchange);
  [[nodiscard]] bool admit(HttpExchange& exchange) const;
  void answer_metrics(HttpExchange& exchange);
  void send_metrics(HttpExchange& exchange) const;

  const HttpOptions options_;
  const HttpHandlers handlers_;
  HttpCounters& counters_;
  ScrapeSlots scrapes_;
  mutable std::mutex security_mutex_;
  std::shared_ptr<const HttpSecurity> security_;  ///< under security_mutex_
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::unique_ptr<HttpConnection>> waiting_;  ///< under mutex_
  bool stop_ = false;                                    ///< under mutex_
  std::unique_ptr<HttpFront> front_;
  std::vector<std::thread> threads_;
};

}  // namespace hopscope::exporter
