#include "export/http/http_server.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/setup_error.h"

namespace hopscope::exporter {
namespace {

constexpr const char* kPage =
    "<!doctype html><title>hopscope</title><h1>hopscope</h1>"
    "<p>Collector for In-band Network Telemetry reports.</p>"
    "<ul><li><a href=\"/metrics\">/metrics</a> for Prometheus"
    "<li><a href=\"/sources\">/sources</a> who sends reports, and how"
    "<li><a href=\"/healthz\">/healthz</a> is it well?"
    "<li><a href=\"/readyz\">/readyz</a> is it receiving?</ul>\n";

/// The answer to a scrape as an answer in pieces.
class ExchangeResponse final : public ScrapeResponse {
 public:
  explicit ExchangeResponse(HttpExchange& exchange) : exchange_(exchange) {}

  void limit(std::chrono::nanoseconds time) override { exchange_.limit(time); }
  bool begin(int status, std::string_view content_type, std::string_view encoding) override {
    const std::string encoding_line =
        encoding.empty() ? "" : fmt::format("Content-Encoding: {}\r\n", encoding);
    return exchange_.begin(status, content_type,
                           encoding_line + "Vary: Accept, Accept-Encoding\r\n");
  }
  bool write(std::string_view piece) override { return exchange_.write(piece); }
  void finish() override { exchange_.end(); }

 private:
  HttpExchange& exchange_;
};

/// Names are the user's and need not be UTF-8.
std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void send_checks(HttpExchange& exchange, const std::vector<HealthCheck>& checks) {
  nlohmann::ordered_json json;
  bool ok = true;
  for (const HealthCheck& check : checks) {
    ok = ok && check.ok;
    json["checks"].push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  nlohmann::ordered_json answer{{"status", ok ? "ok" : "failing"}};
  answer.update(json);
  exchange.answer(ok ? 200 : 503, "application/json", json_text(answer));
}

}  // namespace

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers, HttpCounters& counters)
    : options_(options),
      handlers_(std::move(handlers)),
      counters_(counters),
      // Two threads are kept for the other pages, however slowly scrapers read.
      scrapes_(std::max(1U, std::max(options.threads, 2U) - 2), counters),
      security_(read_security(options)) {
  // OpenSSL writes to connections whose client may have gone.
  signal(SIGPIPE, SIG_IGN);
  front_ = std::make_unique<HttpFront>(
      options, counters,
      HttpFront::Calls{.tls = [this] { return security()->tls; },
                       .serve = [this](auto connection) { queue(std::move(connection)); }});
  for (unsigned i = 0; i < std::max(options.threads, 1U); ++i) {
    threads_.emplace_back([this] { serve(); });
  }
}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  // Stops before what it calls goes.
  front_.reset();
}

std::string HttpServer::reload() {
  try {
    auto fresh = read_security(options_);
    const std::lock_guard lock(security_mutex_);
    security_ = std::move(fresh);
    return "";
  } catch (const SetupError& error) {
    return fmt::format("certificates and secrets of export.http stay as they were: {}",
                       error.what());
  }
}

std::shared_ptr<const HttpSecurity> HttpServer::security() const {
  const std::lock_guard lock(security_mutex_);
  return security_;
}

void HttpServer::queue(std::unique_ptr<HttpConnection> connection) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(connection));
  }
  filled_.notify_one();
}

void HttpServer::serve() {
  pthread_setname_np(pthread_self(), "http");
  while (true) {
    std::unique_ptr<HttpConnection> connection;
    {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (stop_) return;
      connection = std::move(waiting_.front());
      waiting_.pop_front();
    }
    {
      HttpExchange exchange(
          *connection, counters_,
          HttpClock::now() + std::chrono::milliseconds(options_.request_timeout_ms));
      answer(exchange);
    }
    front_->give_back(std::move(connection));
  }
}

bool HttpServer::admit(HttpExchange& exchange) const {
  const std::string& path = exchange.request().path;
  const auto known = security();
  if (known->open_probes && (path == "/healthz" || path == "/readyz")) return true;
  if (known->asks_certificate && !exchange.has_certificate()) {
    exchange.answer(403, "text/plain", "this page needs a client certificate\n");
    return false;
  }
  if (known->credentials.allow(exchange.request().header("authorization"))) return true;
  exchange.answer(401, "text/plain", "this page needs a user and password, or a token\n",
                  fmt::format("WWW-Authenticate: {}\r\n", known->credentials.challenge()));
  return false;
}

void HttpServer::answer(HttpExchange& exchange) {
  if (!admit(exchange)) return;
  const std::string& method = exchange.request().method;
  if (method != "GET" && method != "HEAD") {
    exchange.answer(405, "text/plain", "GET and HEAD only\n", "Allow: GET, HEAD\r\n");
    return;
  }
  const std::string& path = exchange.request().path;
  if (path == "/metrics") {
    answer_metrics(exchange);
  } else if (path == "/healthz") {
    send_checks(exchange, handlers_.health());
  } else if (path == "/readyz") {
    send_checks(exchange, handlers_.ready());
  } else if (path == "/sources") {
    exchange.answer(200, "application/json", handlers_.sources());
  } else if (path == "/") {
    exchange.answer(200, "text/html; charset=utf-8", kPage);
  } else {
    exchange.answer(404, "text/plain", "no such page; see /\n");
  }
}

void HttpServer::answer_metrics(HttpExchange& exchange) {
  if (!scrapes_.enter(exchange)) {
    if (handlers_.scrape_refused) handlers_.scrape_refused();
    exchange.answer(503, "text/plain", "too many scrapes at a time\n");
    return;
  }
  send_metrics(exchange);
  scrapes_.leave(exchange);
}

void HttpServer::send_metrics(HttpExchange& exchange) const {
  const auto header = [&exchange](std::string_view name) {
    const std::string* value = exchange.request().header(name);
    return value == nullptr ? std::string() : *value;
  };
  ExchangeResponse response(exchange);
  handlers_.metrics({.query = exchange.request().query,
                     .accept = header("accept"),
                     .accept_encoding = header("accept-encoding"),
                     .scrape_timeout = header("x-prometheus-scrape-timeout-seconds"),
                     .head_only = exchange.head_only()},
                    response);
}

}  // namespace hopscope::exporter
