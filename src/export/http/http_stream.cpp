#include "export/http/http_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>

namespace hopscope::exporter {

HttpStream::HttpStream(int fd, const std::shared_ptr<SSL_CTX>& tls)
    : fd_(fd), tls_(nullptr, SSL_free), shaken_(tls == nullptr) {
  if (!tls) return;
  tls_.reset(SSL_new(tls.get()));
  if (!tls_ || SSL_set_fd(tls_.get(), fd) != 1) {
    ::close(fd);
    throw std::bad_alloc();
  }
  SSL_set_accept_state(tls_.get());
}

HttpStream::~HttpStream() {
  close();
}

void HttpStream::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

HttpStream::Io HttpStream::tls_result(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      waits_for_write_ = false;
      return Io::kAgain;
    case SSL_ERROR_WANT_WRITE:
      waits_for_write_ = true;
      return Io::kAgain;
    case SSL_ERROR_ZERO_RETURN:
      return Io::kEnd;
    default:
      was_plain_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
      ERR_clear_error();
      tls_.reset();
      return Io::kFailed;
  }
}

HttpStream::Io HttpStream::handshake() {
  if (shaken_) return Io::kDone;
  ERR_clear_error();
  const int result = SSL_accept(tls_.get());
  if (result != 1) return tls_result(result);
  shaken_ = true;
  return Io::kDone;
}

HttpStream::Io HttpStream::receive(std::string& to, std::size_t most) {
  const std::size_t before = to.size();
  to.resize(before + most);
  ssize_t got = 0;
  Io io = Io::kDone;
  if (tls_) {
    ERR_clear_error();
    got = SSL_read(tls_.get(), to.data() + before,
                   static_cast<int>(std::min<std::size_t>(most, INT_MAX)));
    if (got <= 0) io = tls_result(static_cast<int>(got));
  } else {
    got = recv(fd_, to.data() + before, most, 0);
    if (got == 0) io = Io::kEnd;
    if (got < 0) io = errno == EAGAIN || errno == EINTR ? Io::kAgain : Io::kFailed;
    waits_for_write_ = false;
  }
  to.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
  return io;
}

HttpStream::Io HttpStream::send(std::string_view& bytes) {
  ssize_t sent = 0;
  if (tls_) {
    ERR_clear_error();
    sent = SSL_write(tls_.get(), bytes.data(),
                     static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
    if (sent <= 0) return tls_result(static_cast<int>(sent));
  } else {
    sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    waits_for_write_ = true;
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? Io::kAgain : Io::kFailed;
  }
  bytes.remove_prefix(static_cast<std::size_t>(sent));
  return Io::kDone;
}

void HttpStream::end_sending() noexcept {
  if (tls_ && shaken_) {
    ERR_clear_error();
    (void)SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  (void)shutdown(fd_, SHUT_WR);
}

void HttpStream::abort() const noexcept {
  (void)shutdown(fd_, SHUT_RDWR);
}

bool HttpStream::has_certificate() const noexcept {
  return tls_ && SSL_get0_peer_certificate(tls_.get()) != nullptr &&
         SSL_get_verify_result(tls_.get()) == X509_V_OK;
}

}  // namespace hopscope::exporter
