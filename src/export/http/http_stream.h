#pragma once
// The bytes of one HTTP connection, plain or through TLS. Never blocks by itself.

#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace hopscope::exporter {

class HttpStream {
 public:
  enum class Io {
    kDone,    ///< some bytes went, or the handshake is through
    kAgain,   ///< wait for what waits_for_write() says
    kEnd,     ///< the other side sends no more
    kFailed,  ///< broken, nothing can be sent either
  };

  /// Takes the socket, which must be non-blocking. `tls` null: plain.
  HttpStream(int fd, const std::shared_ptr<ssl_ctx_st>& tls);
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;
  ~HttpStream();

  /// At once kDone where there is none.
  [[nodiscard]] Io handshake();
  /// Appends up to `most` bytes.
  [[nodiscard]] Io receive(std::string& to, std::size_t most);
  /// Sends from the front of `bytes` and removes what was sent.
  [[nodiscard]] Io send(std::string_view& bytes);
  /// Says that nothing more will be sent.
  void end_sending() noexcept;
  /// Closes the socket now; nothing may be called any more.
  void close() noexcept;
  /// Breaks the connection under whoever uses it. Any thread, while the stream lives.
  void abort() const noexcept;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool waits_for_write() const noexcept { return waits_for_write_; }
  /// A client certificate was shown, and it is good.
  [[nodiscard]] bool has_certificate() const noexcept;
  /// The failed handshake began with a plain HTTP request.
  [[nodiscard]] bool was_plain_http() const noexcept { return was_plain_http_; }

 private:
  [[nodiscard]] Io tls_result(int result);

  int fd_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  bool shaken_;
  bool waits_for_write_ = false;
  bool was_plain_http_ = false;
};

}  // namespace hopscope::exporter
