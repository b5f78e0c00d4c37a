#pragma once
// One request and its answer, on a thread that answers: whole, or piece by piece.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "export/http/http_connection.h"
#include "export/http/http_counters.h"

namespace hopscope::exporter {

class HttpExchange {
 public:
  /// The answer must be through by `deadline`, or sooner with limit().
  HttpExchange(HttpConnection& connection, HttpCounters& counters, HttpClock::time_point deadline)
      : connection_(connection), counters_(counters), deadline_(deadline) {}
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  /// Without an answer, or with one that was not ended, the connection breaks: the client can tell.
  ~HttpExchange() { connection_.broken = connection_.broken || !done_; }

  [[nodiscard]] const HttpRequest& request() const noexcept { return connection_.request; }
  [[nodiscard]] bool head_only() const { return connection_.request.method == "HEAD"; }
  [[nodiscard]] bool has_certificate() const { return connection_.stream.has_certificate(); }
  [[nodiscard]] HttpClock::time_point deadline() const noexcept { return deadline_; }
  /// The answer must be through so long from now, if that is before the deadline.
  void limit(HttpClock::duration time) noexcept {
    deadline_ = std::min(deadline_, HttpClock::now() + time);
  }

  /// A whole answer; never waits for the client. `more` is header lines, each with its line end.
  void answer(int status, std::string_view type, std::string_view body, std::string_view more = {});

  /// An answer in pieces, begin, write..., end. Each waits until the client has taken the piece;
  /// false: it has gone, is too slow, or was given up, and nothing more need be written.
  bool begin(int status, std::string_view type, std::string_view more = {});
  bool write(std::string_view piece);
  bool end();

  /// How long the client has taken nothing; 0 while it reads on. Any thread.
  [[nodiscard]] HttpClock::duration stalled() const noexcept;
  /// How long there was something for the client and it did not take it, since the answer began,
  /// and how many bytes it took since it was first waited for. Any thread.
  [[nodiscard]] HttpClock::duration waited() const noexcept;
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }
  /// Gives the client up. Any thread, while the exchange lives.
  void abort() noexcept;
  [[nodiscard]] bool is_aborted() const noexcept { return aborted_; }

 private:
  [[nodiscard]] std::string head(int status, std::string_view type, std::string_view more) const;
  bool send(std::string_view bytes);
  void wait();

  HttpConnection& connection_;
  HttpCounters& counters_;
  HttpClock::time_point deadline_;
  std::string chunk_;
  bool done_ = false;
  std::atomic<bool> aborted_{false};
  std::atomic<HttpClock::rep> waits_since_{0};  ///< 0: it does not
  std::atomic<HttpClock::rep> waited_{0};       ///< before that
  std::atomic<std::uint64_t> taken_{0};
};

/// Head of an answer, with the line that says how the connection goes on.
[[nodiscard]] std::string http_answer_head(int status, std::string_view headers, bool keep_alive);

}  // namespace hopscope::exporter
