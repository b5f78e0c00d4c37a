#pragma once
// An HTTP server that answers each request as the test says, and keeps what it was asked.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hopscope::test {

struct HttpRequest {
  std::string head;  ///< request line and headers
  std::string body;
};

class ScriptedServer {
 public:
  /// Gives the whole answer; an empty one closes the connection without a word.
  using Script = std::function<std::string(const HttpRequest&)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any);
    ::listen(listener_, 8);
    socklen_t bytes = sizeof any;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &bytes);
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      ::shutdown(connection_, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  /// Ends the connection that stands, without a word.
  void hang_up() {
    const std::lock_guard lock(mutex_);
    ::shutdown(connection_, SHUT_RDWR);
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (true) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      {
        const std::lock_guard lock(mutex_);
        connection_ = fd;
        if (is_over_) ::shutdown(fd, SHUT_RDWR);
      }
      serve(fd);
      const std::lock_guard lock(mutex_);
      connection_ = -1;
      ::close(fd);
    }
  }

  void serve(int fd) {
    std::string raw;
    char buffer[65536];
    while (true) {
      const std::size_t end = raw.find("\r\n\r\n");
      const std::size_t length = end == raw.npos ? 0 : content_length(raw.substr(0, end));
      if (end != raw.npos && raw.size() >= end + 4 + length) {
        const HttpRequest request{.head = raw.substr(0, end), .body = raw.substr(end + 4, length)};
        raw.erase(0, end + 4 + length);
        {
          const std::lock_guard lock(mutex_);
          requests_.push_back(request);
        }
        const std::string answer = script_(request);
        if (answer.empty()) return;
        if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
        continue;
      }
      const ssize_t n = ::read(fd, buffer, sizeof buffer);
      if (n <= 0) return;
      raw.append(buffer, static_cast<std::size_t>(n));
    }
  }

  static std::size_t content_length(std::string head) {
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::string_view kName = "content-length:";
    const std::size_t at = head.find(kName);
    return at == head.npos ? 0 : std::stoul(head.substr(at + kName.size()));
  }

  const Script script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  int connection_ = -1;
  bool is_over_ = false;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

/// An answer with a body.
inline std::string http_answer(const std::string& status, const std::string& body = "",
                               const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace hopscope::test
