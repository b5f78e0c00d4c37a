#pragma once
// A small HTTP server (civetweb) for /metrics, /healthz, /readyz, /sources and a landing page. Its
// threads call back; what they call must be safe for several at a time.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "export/options.h"
#include "export/scrape_request.h"

struct mg_connection;

namespace hopscope::exporter {

/// One thing that is well or not, and why not.
struct Check {
  std::string name;
  bool ok = true;
  std::string detail;
};

struct HttpHandlers {
  std::function<void(const ScrapeRequest&, ScrapeResponse&)> metrics;
  std::function<void()> scrape_refused{};  ///< told of a scrape beyond the limit; may be null
  std::function<std::vector<Check>()> health;
  std::function<std::vector<Check>()> ready;
  std::function<std::string()> sources;  ///< JSON
};

class HttpServer {
 public:
  /// Listens at once. Throws io::SetupError.
  HttpServer(const HttpOptions& options, HttpHandlers handlers);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

 private:
  struct Server;

  static int dispatch(mg_connection* connection, void* self);
  void answer(mg_connection* connection, const std::string& path, bool head_only) const;
  void answer_metrics(mg_connection* connection, bool head_only) const;
  void send_metrics(mg_connection* connection, bool head_only) const;

  HttpHandlers handlers_;
  const int most_scrapes_;
  mutable std::atomic<int> scrapes_{0};
  std::unique_ptr<Server> server_;
};

}  // namespace hopscope::exporter
