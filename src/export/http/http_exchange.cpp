#include "export/http/http_exchange.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <iterator>

namespace hopscope::exporter {
namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Answer";
  }
}

}  // namespace

std::string http_answer_head(int status, std::string_view headers, bool keep_alive) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\n{}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
      "Connection: {}\r\n\r\n",
      status, reason_of(status), headers, keep_alive ? "keep-alive" : "close");
}

std::string HttpExchange::head(int status, std::string_view type, std::string_view more) const {
  return http_answer_head(status, fmt::format("Content-Type: {}\r\n{}", type, more),
                          request().keep_alive);
}

void HttpExchange::answer(int status, std::string_view type, std::string_view body,
                          std::string_view more) {
  counters_.answered(status);
  connection_.out += head(status, type, fmt::format("Content-Length: {}\r\n{}", body.size(), more));
  if (!head_only()) connection_.out += body;
  done_ = true;
  connection_.close_after = !request().keep_alive;
}

bool HttpExchange::begin(int status, std::string_view type, std::string_view more) {
  counters_.answered(status);
  // Who does not know chunks sees the end of the answer when the connection ends.
  const std::string_view chunks = request().chunks ? "Transfer-Encoding: chunked\r\n" : "";
  connection_.close_after = !request().keep_alive;
  return send(head(status, type, fmt::format("{}{}", chunks, more)));
}

bool HttpExchange::write(std::string_view piece) {
  if (head_only() || piece.empty()) return !connection_.broken;
  if (!request().chunks) return send(piece);
  chunk_.clear();
  fmt::format_to(std::back_inserter(chunk_), "{:x}\r\n", piece.size());
  chunk_ += piece;
  chunk_ += "\r\n";
  return send(chunk_);
}

bool HttpExchange::end() {
  done_ = true;
  if (head_only() || !request().chunks) return !connection_.broken;
  return send("0\r\n\r\n");
}

bool HttpExchange::send(std::string_view bytes) {
  while (!bytes.empty() && !connection_.broken) {
    if (HttpClock::now() >= deadline_) {
      counters_.refused(HttpRefusal::kSendTimeout);
      connection_.broken = true;
      break;
    }
    const std::size_t before = bytes.size();
    const HttpStream::Io io = connection_.stream.send(bytes);
    // What went before the first wait, the kernel took.
    if (waited_ > 0) taken_ += before - bytes.size();
    if (io == HttpStream::Io::kAgain) {
      wait();
    } else if (io != HttpStream::Io::kDone) {
      connection_.broken = true;
    }
    connection_.broken = connection_.broken || aborted_;
  }
  return !connection_.broken;
}

void HttpExchange::wait() {
  const HttpClock::rep since = HttpClock::now().time_since_epoch().count();
  waits_since_ = since;
  pollfd one{.fd = connection_.stream.fd(),
             .events = connection_.stream.waits_for_write() ? short{POLLOUT} : short{POLLIN},
             .revents = 0};
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline_ - HttpClock::now()).count();
  // Woken early is no harm: whoever sends tries again, until the deadline.
  (void)poll(&one, 1, static_cast<int>(std::clamp<long>(left, 0, 60'000)));
  waits_since_ = 0;
  waited_ += std::max<HttpClock::rep>(HttpClock::now().time_since_epoch().count() - since, 1);
}

HttpClock::duration HttpExchange::stalled() const noexcept {
  const HttpClock::rep since = waits_since_;
  if (since == 0) return {};
  return HttpClock::now().time_since_epoch() - HttpClock::duration(since);
}

HttpClock::duration HttpExchange::waited() const noexcept {
  return HttpClock::duration(waited_) + stalled();
}

void HttpExchange::abort() noexcept {
  aborted_ = true;
  connection_.stream.abort();
}

}  // namespace hopscope::exporter
