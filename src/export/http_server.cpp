#include "export/http_server.h"

#include <civetweb.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <utility>

#include "io/setup_error.h"

namespace hopscope::exporter {
namespace {

constexpr const char* kPage =
    "<!doctype html><title>hopscope</title><h1>hopscope</h1>"
    "<p>Collector for In-band Network Telemetry reports.</p>"
    "<ul><li><a href=\"/metrics\">/metrics</a> for Prometheus"
    "<li><a href=\"/sources\">/sources</a> who sends reports, and how"
    "<li><a href=\"/healthz\">/healthz</a> is it well?"
    "<li><a href=\"/readyz\">/readyz</a> is it receiving?</ul>\n";

const char* reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

void send_whole(mg_connection* connection, int status, const char* type, std::string_view body,
                bool head_only) {
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            status, reason_of(status), type, body.size());
  if (!head_only) mg_write(connection, body.data(), body.size());
}

void send_checks(mg_connection* connection, const std::vector<Check>& checks, bool head_only) {
  nlohmann::ordered_json json;
  bool ok = true;
  for (const Check& check : checks) {
    ok = ok && check.ok;
    json["checks"].push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  }
  nlohmann::ordered_json answer{{"status", ok ? "ok" : "failing"}};
  answer.update(json);
  send_whole(connection, ok ? 200 : 503, "application/json", answer.dump() + "\n", head_only);
}

/// A body in chunks: the connection is closed after it, and without the last chunk in any other
/// case, so that the client knows whether it has all.
class ChunkedResponse final : public ScrapeResponse {
 public:
  ChunkedResponse(mg_connection* connection, bool head_only)
      : connection_(connection), head_only_(head_only) {}

  bool begin(int status, std::string_view content_type, std::string_view encoding) override {
    const std::string encoding_line =
        encoding.empty() ? "" : fmt::format("Content-Encoding: {}\r\n", encoding);
    const std::string head = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}Vary: Accept, Accept-Encoding\r\n"
        "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        status, reason_of(status), content_type, encoding_line);
    return mg_write(connection_, head.data(), head.size()) > 0;
  }
  bool write(std::string_view piece) override {
    return mg_send_chunk(connection_, piece.data(), static_cast<unsigned>(piece.size())) > 0;
  }
  void finish() override {
    if (!head_only_) mg_send_chunk(connection_, "", 0);
  }

 private:
  mg_connection* connection_;
  const bool head_only_;
};

/// Connects to address:port or [address]:port and hangs up.
void connect_to(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  std::string address = listen.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  const addrinfo hints{.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                       .ai_family = AF_UNSPEC,
                       .ai_socktype = SOCK_STREAM,
                       .ai_protocol = 0,
                       .ai_addrlen = 0,
                       .ai_addr = nullptr,
                       .ai_canonname = nullptr,
                       .ai_next = nullptr};
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), listen.c_str() + colon + 1, &hints, &found) != 0) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0) {
    (void)connect(fd, found->ai_addr, found->ai_addrlen);
    close(fd);
  }
  freeaddrinfo(found);
}

}  // namespace

struct HttpServer::Server {
  mg_context* context = nullptr;
  std::string listen;

  ~Server() {
    if (context != nullptr) stop();
    mg_exit_library();
  }

  /// The listening thread looks up every two seconds only, or when somebody connects: so connect.
  void stop() {
    std::atomic<bool> stopped{false};
    std::thread nudge([this, &stopped] {
      while (!stopped) {
        connect_to(listen);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
    mg_stop(context);
    stopped = true;
    nudge.join();
  }
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers)
    : handlers_(std::move(handlers)),
      most_scrapes_(std::max(1, static_cast<int>(options.threads) - 2)),
      server_(std::make_unique<Server>()) {
  mg_init_library(0);
  server_->listen = options.listen;
  const std::string threads = std::to_string(options.threads);
  const std::string timeout = std::to_string(options.request_timeout_ms);
  const char* settings[] = {"listening_ports", options.listen.c_str(), "num_threads",
                            threads.c_str(), "request_timeout_ms", timeout.c_str(),
                            // A connection that is kept would keep a thread.
                            "enable_keep_alive", "no", "tcp_nodelay", "1", nullptr};
  mg_callbacks callbacks{};
  // Its own complaints are about clients that went away; they are nobody's concern.
  callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
  char error[256] = "";
  mg_init_data init{
      .callbacks = &callbacks, .user_data = nullptr, .configuration_options = settings};
  mg_error_data error_data{.code = nullptr, .text = error, .text_buffer_size = sizeof error};
  server_->context = mg_start2(&init, &error_data);
  if (server_->context == nullptr) {
    throw io::SetupError(fmt::format(
        "cannot listen on {}: {}; is the port taken (ss -ltn), is the address of this host?",
        options.listen, error[0] != '\0' ? error : "refused by the system"));
  }
  mg_set_request_handler(server_->context, "/", &HttpServer::dispatch, this);
}

HttpServer::~HttpServer() = default;

int HttpServer::dispatch(mg_connection* connection, void* self) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string_view method = request->request_method;
  const bool head_only = method == "HEAD";
  if (method != "GET" && !head_only) {
    send_whole(connection, 405, "text/plain", "GET and HEAD only\n", false);
    return 405;
  }
  static_cast<const HttpServer*>(self)->answer(connection, request->local_uri, head_only);
  return 200;
}

void HttpServer::answer(mg_connection* connection, const std::string& path, bool head_only) const {
  if (path == "/metrics") {
    answer_metrics(connection, head_only);
  } else if (path == "/healthz") {
    send_checks(connection, handlers_.health(), head_only);
  } else if (path == "/readyz") {
    send_checks(connection, handlers_.ready(), head_only);
  } else if (path == "/sources") {
    send_whole(connection, 200, "application/json", handlers_.sources(), head_only);
  } else if (path == "/") {
    send_whole(connection, 200, "text/html; charset=utf-8", kPage, head_only);
  } else {
    send_whole(connection, 404, "text/plain", "no such page; see /\n", head_only);
  }
}

void HttpServer::answer_metrics(mg_connection* connection, bool head_only) const {
  // Two threads are kept for the other pages, however slowly scrapers read.
  const int before = scrapes_.fetch_add(1);
  if (before < most_scrapes_) {
    send_metrics(connection, head_only);
  } else {
    if (handlers_.scrape_refused) handlers_.scrape_refused();
    send_whole(connection, 503, "text/plain", "too many scrapes at a time\n", head_only);
  }
  scrapes_.fetch_sub(1);
}

void HttpServer::send_metrics(mg_connection* connection, bool head_only) const {
  const auto header = [connection](const char* name) {
    const char* value = mg_get_header(connection, name);
    return std::string(value == nullptr ? "" : value);
  };
  const char* query = mg_get_request_info(connection)->query_string;
  ChunkedResponse response(connection, head_only);
  handlers_.metrics({.query = query == nullptr ? "" : query,
                     .accept = header("Accept"),
                     .accept_encoding = header("Accept-Encoding"),
                     .scrape_timeout = header("X-Prometheus-Scrape-Timeout-Seconds"),
                     .head_only = head_only},
                    response);
}

}  // namespace hopscope::exporter
