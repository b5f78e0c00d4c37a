#pragma once
// POST to one URL over a connection that is kept alive (libcurl multi, so that a request can be
// given up at any time). TLS is verified unless the user says otherwise; redirects are not
// followed.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace hopscope::exporter {

/// Whom to ask, and as whom.
struct HttpTarget {
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string username;              ///< basic authentication; empty: none
  Secret password;
  Secret token;                         ///< of the Authorization header
  std::string token_scheme = "Bearer";  ///< in front of it
  std::string ca_file;                  ///< empty: those of the system
  std::string certificate_file;         ///< of the client; empty: none
  std::string key_file;
  bool verify = true;
  std::chrono::milliseconds timeout{10'000};
};

struct HttpAnswer {
  long status = 0;    ///< 0: there was no answer
  std::string error;  ///< why not, in words
  std::string content_type;
  std::string body;     ///< its first 64 KiB
  bool is_cut = false;  ///< there was more of it
  std::optional<std::chrono::milliseconds> retry_after;
  bool reconnected = false;  ///< the connection of the request before ended unannounced
};

/// What is wrong with the form of a URL, in words; empty: nothing.
[[nodiscard]] std::string mistake_in_url(const std::string& url);

class HttpPost {
 public:
  explicit HttpPost(HttpTarget target);
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;
  ~HttpPost();

  /// Waits for the answer, at most the time-out. `encoding`: "" or "gzip", "snappy".
  [[nodiscard]] HttpAnswer post(std::string_view body, std::string_view content_type,
                                std::string_view encoding);

  /// False: the connection of the last request has ended, and the answer had not said that it
  /// would. On the thread that posts.
  [[nodiscard]] bool is_connected() const noexcept;

  /// Another one from the next request on: secrets may have changed. On the thread that posts.
  void set_target(HttpTarget target);

  /// A request under way, and every one from now on, ends soon without an answer. Any thread.
  void give_up() noexcept;

 private:
  struct Curl;

  void remember_connection(bool answered, HttpAnswer& answer);

  HttpTarget target_;
  int socket_ = -1;             ///< of the last request, libcurl's; -1: closed
  bool ends_announced_ = true;  ///< the other side said that it closes, or there was none yet
  std::atomic<bool> gives_up_{false};
  std::unique_ptr<Curl> curl_;
};

}  // namespace hopscope::exporter
