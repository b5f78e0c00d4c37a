#pragma once
// Everything about HTTP connections that waits for a client: accepts, does TLS handshakes, reads
// heads of requests, sends the rests of answers, and keeps idle connections, all on one thread that
// never blocks. A connection costs a thread only once its request is whole, so clients that send
// nothing, or slowly, keep nobody out: when there is no room, those that wait longest go first.

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "export/http/http_connection.h"
#include "export/http/http_counters.h"
#include "export/http/options.h"

namespace hopscope::exporter {

class HttpFront {
 public:
  struct Calls {
    /// The context for the next connection; null: plain.
    std::function<std::shared_ptr<ssl_ctx_st>()> tls;
    /// Takes a connection whose request is whole. Must not wait.
    std::function<void(std::unique_ptr<HttpConnection>)> serve;
  };

  /// Listens at once. Throws SetupError.
  HttpFront(const HttpOptions& options, HttpCounters& counters, Calls calls);
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;
  ~HttpFront();

  /// Takes back a connection that was served, or that broke. Any thread.
  void give_back(std::unique_ptr<HttpConnection> connection);

 private:
  using Connections = std::list<std::unique_ptr<HttpConnection>>;
  using Phase = HttpConnection::Phase;
  static constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::kAway);
  enum class Parsed { kMore, kRefused, kHandedOver };

  void run();
  void listen_on(const std::string& address);
  [[nodiscard]] int wait_ms() const;
  void accept_some();
  void pause_accepting(bool pause);
  void take_returned();
  void expire();
  [[nodiscard]] bool make_room();

  void step(HttpConnection& connection);
  [[nodiscard]] bool shake(HttpConnection& connection);
  [[nodiscard]] bool flush(HttpConnection& connection);
  [[nodiscard]] bool receive(HttpConnection& connection);
  [[nodiscard]] Parsed parse(HttpConnection& connection);
  void linger(HttpConnection& connection);
  void refuse(HttpConnection& connection, int status);
  void hand_over(HttpConnection& connection);

  void enter(HttpConnection& connection, Phase phase);
  void arm(HttpConnection& connection);
  void drop(HttpConnection& connection);
  [[nodiscard]] Connections& list_of(Phase phase) {
    return lists_[static_cast<std::size_t>(phase)];
  }
  [[nodiscard]] HttpClock::duration time_for(Phase phase) const;

  const HttpOptions options_;
  HttpCounters& counters_;
  const Calls calls_;
  int listener_ = -1;
  int epoll_ = -1;
  int wake_ = -1;
  bool paused_ = false;
  HttpClock::time_point resume_{};
  std::size_t open_ = 0;  ///< also those that are away
  /// By phase, the one whose time is up first in front: all of a phase have the same time.
  std::array<Connections, kPhases> lists_;
  Connections dropped_;  ///< until no event of this round can name them
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpConnection>> returned_;  ///< under mutex_
  std::atomic<bool> stop_{false};
  std::thread thread_;  ///< last
};

}  // namespace hopscope::exporter
